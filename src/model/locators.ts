/** GFNet as an anytime model, with the learned policy or another way to choose where to look. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { TensorTree } from '../engine/tensor-tree.js';
import type { Memory } from '../classifier/index.js';
import type { Scope, Variables } from '../nn/scope.js';
import { apply, multiAddsOf } from '../nn/scope.js';
import { stream, uniform } from '../random/index.js';
import type { AnytimeModel, Step, StepOutput } from './anytime.js';
import type { Costs, GFNet, Look } from './gfnet.js';

/** How the next place is chosen; in a given place of the set, so that the same images are looked at alike. */
export interface Locator {
  /** Whether it asks the policy network, whose Multi-Adds then count. */
  readonly asksPolicy: boolean;
  /** What it carries before the first step; `first` is the place of the first of `n` images in its set. */
  initial(gfnet: GFNet, n: number, first: number): readonly Tensor2D[];
  /** What it carries after the glance; by default what it carried before. `see` encodes the patches at several places, [n, 2] each. */
  glanced?(gfnet: GFNet, glance: Look, guide: readonly Tensor2D[], see: See): readonly Tensor2D[];
  /** What it carries after each look, the glance too; by default what it carried before. */
  looked?(gfnet: GFNet, scope: Scope, look: Look, guide: readonly Tensor2D[]): readonly Tensor2D[];
  /** `judge`: what this step would answer to a feature; logits, [n, classes]. */
  next(gfnet: GFNet, scope: Scope, state: GFNetState, judge: (feature: Tensor2D) => Tensor2D): Located;
}

interface Located {
  /** [n, 2]: (row, column) in [0, 1] */
  readonly action: Tensor2D;
  readonly guide: readonly Tensor2D[];
}

interface GFNetState {
  readonly memory: Memory;
  /** What the locator carries, e.g. the policy's hidden state. */
  readonly guide: readonly Tensor2D[];
}

/** Actions ([n, 2] each) -> the features of their patches, [n, features] each. */
type See = (actions: readonly Tensor2D[]) => Tensor2D[];

const learned: Locator = {
  asksPolicy: true,
  initial: (gfnet, n) => [gfnet.initialPolicy(n)],
  // Read where it is made, so that no map has to be carried (35 kB an image of MobileNetV3's, of which the policy keeps 1).
  looked: (gfnet, scope, { map }, [hidden]) => [hidden as Tensor2D, gfnet.readMap(scope, map)],
  next: (gfnet, scope, { guide }) => {
    const [before, seen] = guide as [Tensor2D, Tensor2D];
    const { mean, hidden } = gfnet.decideOn(scope, seen, before);
    return { action: mean, guide: [hidden] };
  },
};

/** Places that were decided before, one a step. */
function planned(places: (gfnet: GFNet, t: number, n: number, first: number) => Tensor2D): Locator {
  return {
    asksPolicy: false,
    initial: (gfnet, n, first) =>
      Array.from({ length: gfnet.config.steps - 1 }, (_, t) => places(gfnet, t, n, first)),
    // In a circle, so that all steps carry as much and share one function.
    next: (_gfnet, _scope, { guide: [action, ...later] }) => ({
      action: action as Tensor2D,
      guide: [...later, action as Tensor2D],
    }),
  };
}

const everywhere = (n: number, row: number, column: number): Tensor2D =>
  tf.tile(tf.tensor2d([row, column], [1, 2]), [n, 1]);

const oneHot = (indices: tf.Tensor, depth: number): Tensor2D =>
  tf.oneHot(indices, depth, 1, 0, 'float32') as Tensor2D;

/** The centre, then the corners; again from the first where there are more steps. */
const corners = [
  [0.5, 0.5],
  [0, 0],
  [0, 1],
  [1, 1],
  [1, 0],
] as const;

const cornerOf = (t: number): readonly [row: number, column: number] =>
  corners[t % corners.length] ?? corners[0];

/**
 * Where the glance's last feature map is largest (its mean over channels), each crop centred on a cell of it; cells whose centre a crop has
 * covered come after all others.
 */
const saliency: Locator = {
  asksPolicy: false,
  initial: () => [],
  glanced: (_gfnet, { map }) => [tf.reshape(tf.mean(map, 3), [-1, map.shape[1] * map.shape[2]])],
  next: (gfnet, _scope, { guide }) => {
    const scores = guide[0] as Tensor2D; // [n, cells]
    const { actions, covered } = cellsOf(gfnet, Math.sqrt(scores.shape[1]));
    const chosen = oneHot(tf.argMax(scores, 1), actions.shape[0]);
    return {
      action: tf.matMul<Tensor2D>(chosen, actions),
      guide: [tf.sub<Tensor2D>(scores, tf.mul(tf.matMul(chosen, covered), 1e6))],
    };
  },
};

/** Of the cells of a map, square as images are: the action that centres a crop on each ([cells, 2]), and which others' centres that covers ([cells, cells]). */
function cellsOf(gfnet: GFNet, across: number): { actions: Tensor2D; covered: Tensor2D } {
  const { side, patch } = gfnet.config;
  const room = Math.max(1, side - patch);
  const cells = Array.from({ length: across * across }, (_, i) => ({
    y: ((Math.floor(i / across) + 0.5) / across) * side,
    x: (((i % across) + 0.5) / across) * side,
  }));
  const corner = (middle: number) => Math.min(side - patch, Math.max(0, middle - patch / 2));
  const within = (start: number, middle: number) => middle >= start && middle <= start + patch;
  return {
    actions: tf.tensor2d(cells.map(({ y, x }) => [corner(y) / room, corner(x) / room])),
    covered: tf.tensor2d(
      cells.map(from =>
        cells.map(to => Number(within(corner(from.y), to.y) && within(corner(from.x), to.x))),
      ),
    ),
  };
}

/** Ways to choose that need nothing but the images. */
const locators = {
  learned,
  /** Uniformly, anew each step. */
  random: planned((_gfnet, t, n, first) =>
    tf.tensor2d(uniform(stream(0, 'random-crops', t, first), 2 * n), [n, 2]),
  ),
  centre: planned((_gfnet, _t, n) => everywhere(n, 0.5, 0.5)),
  corners: planned((_gfnet, t, n) => everywhere(n, ...cornerOf(t))),
  saliency,
} satisfies Readonly<Record<string, Locator>>;
export type LocatorName = keyof typeof locators;

/**
 * The place on a grid over [0, 1]^2 after which the true class is likeliest, found by trying them all: it sees the label, so it bounds from
 * above what choosing one place at a time among these can reach, and is no way to predict.
 *
 * @param labels of the whole set, [images]
 * @param side places on a side of the grid, 2 or more
 */
export function oracle(labels: Int32Array, side: number): Locator {
  const places = Array.from({ length: side * side }, (_, i) => [
    Math.floor(i / side) / (side - 1),
    (i % side) / (side - 1),
  ]);
  return {
    asksPolicy: false,
    initial: (gfnet, n, first) => [
      oneHot(tf.tensor1d(labels.slice(first, first + n), 'int32'), gfnet.config.classes.length),
    ],
    // What a place shows does not depend on what was seen before: it is encoded once, and judged anew at each step.
    glanced: (_gfnet, _glance, guide, see) => {
      const target = guide[0] as Tensor2D; // [n, classes]
      const ones = tf.sum<Tensor2D>(target, 1, true); // [n, 1]
      return [target, ...see(places.map(place => tf.mul<Tensor2D>(ones, tf.tensor2d(place, [1, 2]))))];
    },
    next: (_gfnet, _scope, { guide }, judge) => {
      const [target, ...features] = guide as [Tensor2D, ...Tensor2D[]];
      const likelihoods = features.map(feature => {
        const logits = judge(feature);
        return tf.sub(tf.sum(tf.mul(logits, target), 1), tf.logSumExp(logits, 1)); // [n]
      });
      const best = tf.argMax(tf.stack(likelihoods, 1), 1); // [n]
      const action = tf.matMul<Tensor2D>(oneHot(best, places.length), tf.tensor2d(places));
      return { action, guide };
    },
  };
}

export function anytimeGFNet(
  gfnet: GFNet,
  costs: Costs,
  variables: () => Variables,
  choice: LocatorName | Locator,
): AnytimeModel {
  const locator: Locator = typeof choice === 'string' ? locators[choice] : choice;
  const { side, channels, classes, steps } = gfnet.config;
  const after = (scope: Scope, look: Look, guide: readonly Tensor2D[], action?: Tensor2D): StepOutput => ({
    logits: look.logits,
    state: { memory: look.memory, guide: locator.looked?.(gfnet, scope, look, guide) ?? guide },
    ...(action && { action }),
  });
  // Only what is looked at is normalised.
  const glance: Step = (variables, { images, state }) =>
    apply(variables, false, scope => {
      const { memory, guide } = state as unknown as GFNetState;
      const look = gfnet.glanceAt(scope, gfnet.normalise(gfnet.shrink(images)), memory);
      const see: See = actions => {
        const patches = tf.concat(actions.map(action => gfnet.cut(images, action)));
        const features = gfnet.feature(scope, gfnet.normalise(patches)); // [places * n, features]
        return tf.unstack(tf.reshape(features, [actions.length, -1, features.shape[1]])) as Tensor2D[];
      };
      return after(scope, look, locator.glanced?.(gfnet, look, guide, see) ?? guide);
    }).result;
  const focus =
    (t: number): Step =>
    (variables, { images, state }) =>
      apply(variables, false, scope => {
        const before = state as unknown as GFNetState;
        const { action, guide } = locator.next(gfnet, scope, before, feature =>
          gfnet.judge(scope, t, feature, before.memory),
        );
        const patch = gfnet.normalise(gfnet.cut(images, action));
        return after(scope, gfnet.focusOn(scope, t, patch, before.memory), guide, action);
      }).result;
  const shared = focus(1);
  const policy = locator.asksPolicy ? costs.policy : [];
  return {
    classes,
    side,
    channels,
    variables,
    steps: [glance, ...costs.focus.map((_, i) => (gfnet.recurrent ? shared : focus(i + 1)))].slice(0, steps),
    multiAdds: [costs.glance, ...costs.focus.map(look => [...policy, ...look])].map(multiAddsOf),
    initial: (n, first): TensorTree => ({
      memory: gfnet.initialMemory(n),
      guide: locator.initial(gfnet, n, first),
    }),
  };
}
