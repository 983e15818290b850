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

/** Initial values of a parameter. */
export type Initialiser = (shape: readonly number[], random: Random) => Float32Array;

export interface Scope {
  /** Whether batch norm uses the batch's statistics, and updates the running ones. */
  readonly training: boolean;
  /** The scope of a part. */
  at(name: string | number): Scope;
  /** The same scope, with batch norm's running statistics. */
  evaluating(): Scope;
  parameter<T extends Tensor>(name: string, shape: readonly number[], initial: Initialiser): T;
  statistic<T extends Tensor>(name: string, shape: readonly number[], value: number): T;
  /** Replaces a statistic; later reads in the same run see the new value. */
  update(name: string, value: Tensor): void;
  /** Adds to the cost of one image. */
  count(multiAdds: number): void;
}

interface Store {
  parameter(name: string, shape: readonly number[], initial: Initialiser): Tensor;
  statistic(name: string, shape: readonly number[], value: number): Tensor;
  update(name: string, value: Tensor): void;
  count(multiAdds: number): void;
}

function scopeOf(store: Store, path: string, training: boolean): Scope {
  return {
    training,
    at: name => scopeOf(store, `${path}${name}.`, training),
    evaluating: () => scopeOf(store, path, false),
    parameter: <T extends Tensor>(name: string, shape: readonly number[], initial: Initialiser) =>
      store.parameter(path + name, shape, initial) as T,
    statistic: <T extends Tensor>(name: string, shape: readonly number[], value: number) =>
      store.statistic(path + name, shape, value) as T,
    update: (name, value) => store.update(path + name, value),
    count: multiAdds => store.count(multiAdds),
  };
}

function existing(tensors: Tensors, name: string): Tensor {
  const tensor = tensors[name];
  if (!tensor) throw new RangeError(`the network has no variable ${name}`);
  return tensor;
}

/** Runs a network with the given variables; what it updated is returned beside its result. */
export function apply<T>(
  variables: Variables,
  training: boolean,
  network: (scope: Scope) => T,
): { result: T; statistics: Tensors } {
  const statistics: Record<string, Tensor> = { ...variables.statistics };
  const store: Store = {
    parameter: name => existing(variables.parameters, name),
    statistic: name => existing(statistics, name),
    update: (name, value) => void (statistics[name] = value),
    count: () => undefined,
  };
  return { result: network(scopeOf(store, '', training)), statistics };
}

/** Makes the variables of a network by running it once on an example of one image; `multiAdds` reads the cost so far. */
export function build(random: Random, network: (scope: Scope, multiAdds: () => number) => void): Variables {
  const parameters: Record<string, Tensor> = {};
  const statistics: Record<string, Tensor> = {};
  let cost = 0;
  const store: Store = {
    parameter: (name, shape, initial) =>
      (parameters[name] ??= tf.keep(tf.tensor(initial(shape, random), [...shape]))),
    statistic: (name, shape, value) => (statistics[name] ??= tf.keep(tf.fill([...shape], value))),
    update: () => undefined,
    count: multiAdds => void (cost += multiAdds),
  };
  tf.tidy(() => network(scopeOf(store, '', false), () => cost));
  return { parameters, statistics };
}
