/** Networks are plain functions of a scope and tensors; the scope names their parameters, makes them at first, and counts their cost. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tensors } from '../engine/gradients.js';
import type { Random } from '../random/index.js';

/** What a network learns, and what it keeps of the batches it saw (batch norm's running statistics). Names as in a PyTorch state dict. */
export interface Variables {
  readonly parameters: Tensors;
  readonly statistics: Tensors;
}

export type LayerKind = 'convolution' | 'grouped convolution' | 'depthwise convolution' | 'linear' | 'gru';

/** What a layer costs for one image. */
export interface LayerCost {
  /** Its scope, e.g. `global.stem.conv`. */
  readonly layer: string;
  readonly kind: LayerKind;
  readonly multiAdds: number;
}

export function multiAddsOf(layers: readonly LayerCost[]): number {
  return layers.reduce((sum, { multiAdds }) => sum + multiAdds, 0);
}

/** Initial values of a parameter. */
export type Initialiser = (shape: readonly number[], random: Random) => Float32Array;

export interface Scope {
  /** Whether batch norm uses the batch's statistics, and updates the running ones; it does not where its scale is frozen. */
  readonly training: boolean;
  /** Whether those are the statistics of all workers' batches, or of this one's. */
  readonly jointly: boolean;
  /** The scope of a part. */
  at(name: string | number): Scope;
  parameter<T extends Tensor>(name: string, shape: readonly number[], initial: Initialiser): T;
  statistic<T extends Tensor>(name: string, shape: readonly number[], value: number): T;
  /** Replaces a statistic; later reads in the same run see the new value. */
  update(name: string, value: Tensor): void;
  /** What the layer here costs for one image. */
  count(kind: LayerKind, multiAdds: number): void;
}

interface Store {
  parameter(name: string, shape: readonly number[], initial: Initialiser): Tensor;
  statistic(name: string, shape: readonly number[], value: number): Tensor;
  update(name: string, value: Tensor): void;
  count(cost: LayerCost): void;
  /** Whether a parameter stays as it is. */
  frozen(name: string): boolean;
}

function scopeOf(store: Store, path: string, training: boolean, jointly: boolean): Scope {
  return {
    training: training && !store.frozen(`${path}weight`),
    jointly,
    at: name => scopeOf(store, `${path}${name}.`, training, jointly),
    parameter: <T extends Tensor>(name: string, shape: readonly number[], initial: Initialiser) =>
      store.parameter(path + name, shape, initial) as T,
    statistic: <T extends Tensor>(name: string, shape: readonly number[], value: number) =>
      store.statistic(path + name, shape, value) as T,
    update: (name, value) => store.update(path + name, value),
    count: (kind, multiAdds) => store.count({ layer: path.slice(0, -1), kind, multiAdds }),
  };
}

function existing(tensors: Tensors, name: string): Tensor {
  const tensor = tensors[name];
  if (!tensor) throw new RangeError(`the network has no variable ${name}`);
  return tensor;
}

/**
 * Runs a network with the given variables; what it updated is returned beside its result.
 * @param frozen which parameters stay as they are; batch norm whose scale does keeps to its running statistics
 * @param jointly whether batch norm, where it learns, takes the statistics of all workers' batches
 */
export function apply<T>(
  variables: Variables,
  training: boolean,
  network: (scope: Scope) => T,
  frozen: (name: string) => boolean = () => false,
  jointly = false,
): { result: T; statistics: Tensors } {
  const statistics: Record<string, Tensor> = { ...variables.statistics };
  const store: Store = {
    parameter: name => existing(variables.parameters, name),
    statistic: name => existing(statistics, name),
    update: (name, value) => void (statistics[name] = value),
    count: () => undefined,
    frozen,
  };
  return { result: network(scopeOf(store, '', training, jointly)), statistics };
}

/**
 * Makes the variables of a network by running it once on an example of one image; `spent` gives what was counted since it was called last.
 * @param values random initial values, or zeros, which are quickly made, where only shapes and costs matter
 */
export function build(
  values: Random | 'zeros',
  network: (scope: Scope, spent: () => readonly LayerCost[]) => void,
): Variables {
  const parameters: Record<string, Tensor> = {};
  const statistics: Record<string, Tensor> = {};
  const costs: LayerCost[] = [];
  const store: Store = {
    parameter: (name, shape, initial) =>
      (parameters[name] ??= tf.keep(
        values === 'zeros' ? tf.fill([...shape], 0) : tf.tensor(initial(shape, values), [...shape]),
      )),
    statistic: (name, shape, value) => (statistics[name] ??= tf.keep(tf.fill([...shape], value))),
    update: () => undefined,
    count: cost => void costs.push(cost),
    frozen: () => false,
  };
  tf.tidy(() => network(scopeOf(store, '', false, false), () => costs.splice(0)));
  return { parameters, statistics };
}
