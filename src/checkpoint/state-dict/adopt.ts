/** Takes a network's variables from PyTorch's state dicts: all of them, or none. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tensors } from '../../engine/gradients.js';
import { disposeTree } from '../../engine/tensor-tree.js';
import { CheckpointError } from '../../errors/index.js';
import type { Variables } from '../../nn/scope.js';
import type { PyTorchValue } from '../pytorch/index.js';
import type { TensorData } from '../tensor-data.js';
import type { FindCounterparts } from './names.js';

/** Tensors by name, as PyTorch's `module.state_dict()` gives them. */
export type StateDict = ReadonlyMap<string, TensorData>;

/** A part of a network, and where a state dict has it. */
export interface Adoption {
  readonly state: StateDict;
  /** What the state dict is, for error messages: a file's path, and the part of it. */
  readonly source: string;
  /** The names of the part's variables begin so, e.g. `global.`; the counterpart is found by what follows. */
  readonly prefix: string;
  readonly find: FindCounterparts;
  /** Names of the state dict that may be left over. */
  readonly mayRemain?: RegExp;
}

/** Makes variables of the names and shapes that it needs. */
interface Network {
  initialise(values: 'zeros'): { readonly variables: Variables };
}

/**
 * The variables of `network`, with the state dicts' values; the caller frees them.
 *
 * @throws CheckpointError that lists every name that is missing, unexpected, of another shape, or not of finite numbers
 */
export function adopt(network: Network, adoptions: readonly Adoption[]): Variables {
  const { variables: wanted } = network.initialise('zeros');
  const adopted: Record<string, Tensor> = {};
  const take = (group: Tensors): Tensors =>
    Object.fromEntries(Object.keys(group).map(name => [name, adopted[name] as Tensor]));
  try {
    const all = { ...wanted.parameters, ...wanted.statistics };
    for (const adoption of adoptions) Object.assign(adopted, adoptPart(all, adoption));
    return { parameters: take(wanted.parameters), statistics: take(wanted.statistics) };
  } catch (error) {
    disposeTree(adopted);
    throw error;
  } finally {
    disposeTree(wanted);
  }
}

function adoptPart(wanted: Tensors, { state, source, prefix, find, mayRemain }: Adoption): Tensors {
  const unexpected = new Set(
    [...state.keys()].filter(
      name => !name.endsWith('.num_batches_tracked') && mayRemain?.test(name) !== true,
    ),
  );
  const missing: string[] = [];
  const misshapen: string[] = [];
  const endless: string[] = [];
  const adopted: Record<string, Tensor> = {};
  for (const [name, { shape: ours }] of Object.entries(wanted)) {
    if (!name.startsWith(prefix)) continue;
    const counterparts = find(name.slice(prefix.length), ours);
    const found = counterparts.find(candidate => state.has(candidate.name));
    const data = found && state.get(found.name);
    if (found === undefined || data === undefined) {
      const names = counterparts.map(candidate => candidate.name).join(' or ');
      missing.push(`${names} [${counterparts[0]?.shape.join(', ') ?? ''}]`);
      continue;
    }
    const { name: theirs, shape, convert } = found;
    unexpected.delete(theirs);
    if (data.shape.join() === shape.join() && data.dtype === 'float32') {
      if (!data.values.every(Number.isFinite)) endless.push(theirs);
      adopted[name] = tf.keep(tf.tidy(() => convert(tf.tensor(data.values, [...shape]))));
    } else misshapen.push(`${theirs}: ${data.dtype} [${data.shape.join(', ')}], not [${shape.join(', ')}]`);
  }
  const wrong = [
    ...listed('missing', missing),
    ...listed('unexpected', [...unexpected]),
    ...listed('of another shape or type', misshapen),
    ...listed('not finite', endless),
  ];
  if (wrong.length === 0) return adopted;
  disposeTree(adopted);
  throw new CheckpointError({
    problem: `${source} does not hold the weights of this network`,
    given: wrong.join('\n           '),
    mend: 'name the network that it was saved from',
  });
}

/** The state dict that `value` is, its names as the network itself has them. @throws CheckpointError where it is none */
export function asStateDict(value: PyTorchValue | undefined, source: string): StateDict {
  const entries = [...(asMap(value) ?? [])].map(([name, tensor]): [string, TensorData] | undefined =>
    typeof name === 'string' && isTensor(tensor) ? [name, tensor] : undefined,
  );
  if (entries.length > 0 && entries.every(entry => entry !== undefined))
    return withoutWrapper(new Map(entries));
  throw new CheckpointError({
    problem: `${source} is no state dict`,
    allowed: 'tensors by name, as torch.save(module.state_dict(), FILE) writes them',
  });
}

/** The dictionary that `value` is. */
export function asMap(
  value: PyTorchValue | undefined,
): ReadonlyMap<string | number, PyTorchValue> | undefined {
  return value instanceof Map ? (value as ReadonlyMap<string | number, PyTorchValue>) : undefined;
}

function isTensor(value: PyTorchValue): value is TensorData {
  return typeof value === 'object' && value !== null && 'dtype' in value;
}

/** What DataParallel, torch.compile and Lightning put before every name. */
const wrappers = ['module.', '_orig_mod.', 'model.'];

function withoutWrapper(state: StateDict): StateDict {
  const wrapper = wrappers.find(prefix => [...state.keys()].every(name => name.startsWith(prefix)));
  if (wrapper === undefined || state.size === 0) return state;
  return withoutWrapper(new Map([...state].map(([name, data]) => [name.slice(wrapper.length), data])));
}

function listed(what: string, names: readonly string[]): string[] {
  const shown = 20;
  const rest = names.length > shown ? `, and ${names.length - shown} more` : '';
  return names.length === 0 ? [] : [`${what}: ${names.slice(0, shown).join(', ')}${rest}`];
}
