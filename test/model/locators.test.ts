import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import type { Locator } from '../../src/model/locators.js';
import { anytimeGFNet } from '../../src/model/locators.js';
import type { StepAnswer } from '../../src/model/answer.js';
import { Runner } from '../../src/model/runner.js';
import { apply, multiAddsOf } from '../../src/nn/scope.js';
import { classifiers, noise, smallConfig, smallNetwork } from '../helpers/network.js';
import { expectClose } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

const n = 4;

describe.each(classifiers)('where to look, %s classifier', kind => {
  const config = smallConfig(kind);

  function look(locator: Locator, first = 0): StepAnswer[] {
    const { gfnet, variables, costs } = smallNetwork(config);
    const runner = new Runner(anytimeGFNet(gfnet, costs, () => variables, locator));
    const answers = [...runner.run(noise(config, n).pixels, [], first)];
    runner.dispose();
    return answers;
  }

  /** The logits and actions of all steps when `next` says where to look, with no help of the runner. */
  function expected(next: (t: number, mean: Tensor2D) => Tensor2D): {
    logits: Tensor2D[];
    actions: Tensor2D[];
  } {
    const { gfnet, variables } = smallNetwork(config);
    const { images } = noise(config, n);
    return apply(variables, false, scope => {
      const normalised = gfnet.normalise(images);
      let look = gfnet.glance(scope, normalised, gfnet.initialMemory(n));
      let hidden = gfnet.initialPolicy(n);
      const [logits, actions]: [Tensor2D[], Tensor2D[]] = [[look.logits], []];
      for (let t = 1; t < config.steps; t++) {
        const decision = gfnet.decide(scope, look.map, hidden);
        ({ hidden } = decision);
        const action = next(t, decision.mean);
        look = gfnet.focus(scope, t, normalised, action, look.memory);
        logits.push(look.logits);
        actions.push(action);
      }
      return { logits, actions };
    }).result;
  }

  function expectSame(
    answers: readonly StepAnswer[],
    { logits, actions }: ReturnType<typeof expected>,
  ): void {
    expect(answers.length).toBe(config.steps);
    for (const [t, answer] of answers.entries()) {
      expectClose(tf.tensor2d(answer.logits, [n, 4]), logits[t] as Tensor2D);
      if (t === 0) expect(answer.actions).toBeNull();
      else expectClose(tf.tensor2d(answer.actions ?? [], [n, 2]), actions[t - 1] as Tensor2D);
    }
  }

  it('learned: at the policy’s mean, its state carried', () => {
    const answers = look('learned');
    expectSame(
      answers,
      expected((_, mean) => mean),
    );
    expect(new Set(answers[1]?.actions).size).toBe(2 * n);
  });

  it('centre: in the middle, always', () => {
    expectSame(
      look('centre'),
      expected(() => tf.fill([n, 2], 0.5)),
    );
  });

  it('random: elsewhere each time, the same for the same images', () => {
    const answers = look('random');
    const places = answers.slice(1).map(({ actions }) => actions ?? new Float32Array());
    expectSame(
      answers,
      expected(t => tf.tensor2d(places[t - 1] ?? [], [n, 2])),
    );
    const all = places.flatMap(actions => [...actions]);
    expect(new Set(all).size).toBe(2 * n * (config.steps - 1));
    expect(all.every(value => value >= 0 && value < 1)).toBe(true);
    expect(look('random')).toEqual(answers);
    expect(look('random', n)[1]?.actions).not.toEqual(answers[1]?.actions);
  });

  it('counts the policy only where it is asked', () => {
    const { gfnet, variables, costs } = smallNetwork(config);
    const multiAdds = (locator: Locator): readonly number[] =>
      anytimeGFNet(gfnet, costs, () => variables, locator).multiAdds;
    const [glance, policy] = [costs.glance, costs.policy].map(multiAddsOf);
    const focus = costs.focus.map(multiAddsOf);
    expect(multiAdds('learned')).toEqual([glance, ...focus.map(cost => cost + (policy ?? NaN))]);
    expect(multiAdds('centre')).toEqual([glance, ...focus]);
    expect(multiAdds('random')).toEqual([glance, ...focus]);
  });
});
