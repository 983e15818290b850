/** Where a GFNet's cost lies: Multi-Adds, parameters, memory and time, by step, network and kind of layer. */
import * as tf from '@tensorflow/tfjs-core';
import { peakBytes } from '../engine/peak.js';
import type { TensorTree } from '../engine/tensor-tree.js';
import { disposeTree, mapTree, tidyTree } from '../engine/tensor-tree.js';
import type { LayerCost, LayerKind, Variables } from '../nn/scope.js';
import { multiAddsOf } from '../nn/scope.js';
import { stream, uniform } from '../random/index.js';
import type { AnytimeModel, Step, StepInput } from './anytime.js';
import type { Costs, GFNet } from './gfnet.js';
import { anytimeGFNet } from './locators.js';
import { Runner } from './runner.js';
import type { Spread } from './spread.js';
import { spread } from './spread.js';

const parts = ['global', 'local', 'policy', 'classifier'] as const;
/** f_G and f_L with their heads, pi, f_C: as the scopes are named. */
type Part = (typeof parts)[number];

interface StepProfile {
  /** From 1, the glance. */
  readonly step: number;
  /** Of one image. */
  readonly multiAdds: number;
  readonly parts: Readonly<Record<Part, number>>;
  /** Of intermediate results, for the batch. */
  readonly peakBytes: number;
  /** Of the batch, in milliseconds. */
  readonly time: Spread;
}

export interface Profile {
  /** Images computed at once. */
  readonly batch: number;
  /** How often the time of each step was taken. */
  readonly rounds: number;
  readonly steps: readonly StepProfile[];
  /** Of all steps; Multi-Adds of one image. */
  readonly networks: readonly {
    readonly name: Part;
    readonly parameters: number;
    readonly multiAdds: number;
  }[];
  /** Of all steps; Multi-Adds of one image. `layers`: those that are there, however often they run. */
  readonly kinds: readonly {
    readonly kind: LayerKind;
    readonly layers: number;
    readonly multiAdds: number;
  }[];
}

/** Profiles all steps of `gfnet`, the learned policy choosing where to look, on `batch` images of noise. */
export function profile(gfnet: GFNet, costs: Costs, variables: Variables, batch: number): Profile {
  const model = anytimeGFNet(gfnet, costs, () => variables, 'learned');
  const layers = [costs.glance, ...costs.focus.map(look => [...costs.policy, ...look])];
  const peaks = peaksOf(model, batch);
  const times = timesOf(model, batch);
  const all = layers.flat();
  return {
    batch,
    rounds: times[0]?.length ?? 0,
    steps: layers.map((own, t) => ({
      step: t + 1,
      multiAdds: multiAddsOf(own),
      parts: Object.fromEntries(
        parts.map(part => [part, multiAddsOf(own.filter(({ layer }) => partOf(layer) === part))]),
      ) as Record<Part, number>,
      peakBytes: peaks[t] ?? 0,
      time: spread(times[t] ?? []),
    })),
    networks: parts.map(name => ({
      name,
      parameters: Object.entries(variables.parameters)
        .filter(([parameter]) => partOf(parameter) === name)
        .reduce((sum, [, { size }]) => sum + size, 0),
      multiAdds: multiAddsOf(all.filter(({ layer }) => partOf(layer) === name)),
    })),
    kinds: kindsOf(all),
  };
}

function partOf(name: string): string {
  return name.slice(0, name.indexOf('.'));
}

function kindsOf(costs: readonly LayerCost[]): Profile['kinds'] {
  return [...new Set(costs.map(({ kind }) => kind))]
    .map(kind => {
      const own = costs.filter(cost => cost.kind === kind);
      return {
        kind,
        layers: new Set(own.map(({ layer }) => layer)).size,
        multiAdds: multiAddsOf(own),
      };
    })
    .sort((a, b) => b.multiAdds - a.multiAdds);
}

/** Of each step. */
function peaksOf(model: AnytimeModel, batch: number): number[] {
  const { side, channels, steps } = model;
  const variables = model.variables();
  let input: StepInput = { images: tf.fill([1, side, side, channels], 0.5), state: model.initial(1, 0) };
  const peaks = steps.map(step => {
    const peak = peakBytes(
      step as unknown as (fixed: TensorTree, batch: TensorTree) => TensorTree,
      variables,
      input,
      batch,
    );
    input = { images: input.images, state: after(step, variables, input) };
    return peak;
  });
  disposeTree(input);
  return peaks;
}

/** The state that a step leaves; the one before it is freed. */
function after(step: Step, variables: Variables, input: StepInput): TensorTree {
  const state = tidyTree(() => mapTree(step(variables, input).state, tensor => tensor.clone()));
  disposeTree(input.state);
  return state;
}

/** Rounds that are not counted: the first compiles. */
const warmUp = 2;
const rounds = { least: 5, most: 50 };
/** No further round is begun after this, in milliseconds. */
const patience = 5000;

/** Milliseconds of each step in each round, as the compiled steps take them, with reading the answer. */
function timesOf(model: AnytimeModel, batch: number): number[][] {
  const runner = new Runner(model);
  const images = uniform(stream(0, 'profile'), batch * model.side ** 2 * model.channels);
  const times: number[][] = model.steps.map(() => []);
  for (let i = 0; i < warmUp; i++) timeSteps(runner, images);
  const started = performance.now();
  for (let i = 0; i < rounds.most && (i < rounds.least || performance.now() - started < patience); i++)
    timeSteps(runner, images).forEach((time, t) => times[t]?.push(time));
  runner.dispose();
  return times;
}

/** Milliseconds that each step takes with these images, with reading the answer: all steps, unless `thresholds` let the images leave. */
export function timeSteps(
  runner: Runner,
  images: Float32Array,
  thresholds: readonly number[] = [],
): number[] {
  const times: number[] = [];
  let before = performance.now();
  const answers = runner.run(images, thresholds);
  while (!answers.next().done) {
    const now = performance.now();
    times.push(now - before);
    before = now;
  }
  return times;
}
