/** GFNet as an anytime model, with the learned policy or another way to choose where to look. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import type { TensorTree } from '../engine/tensor-tree.js';
import type { Memory } from '../classifier/index.js';
import type { Scope, Variables } from '../nn/scope.js';
import { apply, multiAddsOf } from '../nn/scope.js';
import { stream, uniform } from '../random/index.js';
import type { AnytimeModel, Step, StepOutput } from './anytime.js';
import type { Costs, GFNet, Look } from './gfnet.js';

/** How the next place is chosen: by the policy's mean, always the centre, or uniformly at random. */
export type Locator = 'learned' | 'centre' | 'random';

interface GFNetState {
  readonly map: Tensor4D;
  readonly memory: Memory;
  /** What the locator carries: the policy's hidden state, or the places still to come. */
  readonly guide: readonly Tensor2D[];
}

type Locate = (
  gfnet: GFNet,
  scope: Scope,
  state: GFNetState,
) => { action: Tensor2D; guide: readonly Tensor2D[] };

const locate: Readonly<Record<Locator, Locate>> = {
  learned: (gfnet, scope, { map, guide }) => {
    const { mean, hidden } = gfnet.decide(scope, map, guide[0] as Tensor2D);
    return { action: mean, guide: [hidden] };
  },
  centre: (_gfnet, _scope, { guide }) => ({ action: guide[0] as Tensor2D, guide }),
  random: (_gfnet, _scope, { guide }) => ({ action: guide[0] as Tensor2D, guide: guide.slice(1) }),
};

function initialGuide(gfnet: GFNet, locator: Locator, n: number, first: number): readonly Tensor2D[] {
  switch (locator) {
    case 'learned':
      return [gfnet.initialPolicy(n)];
    case 'centre':
      return [tf.fill([n, 2], 0.5)];
    case 'random':
      return Array.from({ length: gfnet.config.steps - 1 }, (_, t) =>
        tf.tensor2d(uniform(stream(0, 'random-crops', t, first), 2 * n), [n, 2]),
      );
  }
}

export function anytimeGFNet(
  gfnet: GFNet,
  costs: Costs,
  variables: () => Variables,
  locator: Locator,
): AnytimeModel {
  const { side, channels, classes, steps } = gfnet.config;
  const after = (look: Look, guide: readonly Tensor2D[], action?: Tensor2D): StepOutput => ({
    logits: look.logits,
    state: { map: look.map, memory: look.memory, guide },
    ...(action && { action }),
  });
  // Only what is looked at is normalised.
  const glance: Step = (variables, { images, state }) =>
    apply(variables, false, scope => {
      const { memory, guide } = state as unknown as GFNetState;
      return after(gfnet.glanceAt(scope, gfnet.normalise(gfnet.shrink(images)), memory), guide);
    }).result;
  const focus =
    (t: number): Step =>
    (variables, { images, state }) =>
      apply(variables, false, scope => {
        const before = state as unknown as GFNetState;
        const { action, guide } = locate[locator](gfnet, scope, before);
        const patch = gfnet.normalise(gfnet.cut(images, action));
        return after(gfnet.focusOn(scope, t, patch, before.memory), guide, action);
      }).result;
  const shared = focus(1);
  const policy = locator === 'learned' ? costs.policy : [];
  return {
    classes,
    side,
    channels,
    variables,
    steps: [glance, ...costs.focus.map((_, i) => (gfnet.recurrent ? shared : focus(i + 1)))].slice(0, steps),
    multiAdds: [costs.glance, ...costs.focus.map(look => [...policy, ...look])].map(multiAddsOf),
    initial: (n, first): TensorTree => ({
      memory: gfnet.initialMemory(n),
      guide: initialGuide(gfnet, locator, n, first),
    }),
  };
}
