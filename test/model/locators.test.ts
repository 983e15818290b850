import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import type { Locator, LocatorName } from '../../src/model/locators.js';
import { anytimeGFNet, oracle } from '../../src/model/locators.js';
import type { StepAnswer } from '../../src/model/answer.js';
import { Runner } from '../../src/model/runner.js';
import { apply, multiAddsOf } from '../../src/nn/scope.js';
import { classifiers, noise, smallConfig, smallNetwork } from '../helpers/network.js';
import { expectClose } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

const n = 4;

describe.each(classifiers)('where to look, %s classifier', kind => {
  const config = smallConfig(kind);

  function look(locator: LocatorName | Locator, first = 0): StepAnswer[] {
    const { gfnet, variables, costs } = smallNetwork(config);
    const runner = new Runner(anytimeGFNet(gfnet, costs, () => variables, locator));
    const answers = [...runner.run(noise(config, n).values, [], first)];
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

  it('corners: the centre, then the corners', () => {
    expect(look('corners').map(({ actions }) => actions && [...actions.subarray(0, 2)])).toEqual(
      [null, [0.5, 0.5], [0, 0], [0, 1]].slice(0, config.steps),
    );
  });

  it('saliency: crops centred on the largest cells of the glance’s map that none before has covered', () => {
    const { gfnet, variables } = smallNetwork(config);
    const { images } = noise(config, n);
    const map = apply(variables, false, scope =>
      gfnet.glance(scope, gfnet.normalise(images), gfnet.initialMemory(n)),
    ).result.map;
    const [, rows, columns] = map.shape;
    const { side, patch } = config;
    const answers = look('saliency');
    for (let i = 0; i < n; i++) {
      const scores = tf
        .mean(map, 3)
        .dataSync()
        .slice(i * rows * columns, (i + 1) * rows * columns);
      const looked: { top: number; left: number }[] = [];
      const centre = (cell: number) => ({
        y: ((Math.floor(cell / columns) + 0.5) * side) / rows,
        x: (((cell % columns) + 0.5) * side) / columns,
      });
      const covers = (cell: number) => {
        const { y, x } = centre(cell);
        return looked.filter(
          ({ top, left }) => y >= top && y <= top + patch && x >= left && x <= left + patch,
        ).length;
      };
      for (const { actions } of answers.slice(1)) {
        const order = [...scores.keys()].sort(
          (a, b) => covers(a) - covers(b) || (scores[b] ?? 0) - (scores[a] ?? 0),
        );
        const { y, x } = centre(order[0] ?? 0);
        const clip = (middle: number) => Math.min(side - patch, Math.max(0, middle - patch / 2));
        looked.push({ top: clip(y), left: clip(x) });
        const [row = NaN, column = NaN] = actions?.subarray(2 * i, 2 * i + 2) ?? [];
        expect(row * (side - patch)).toBeCloseTo(clip(y), 4);
        expect(column * (side - patch)).toBeCloseTo(clip(x), 4);
      }
    }
  });

  it('oracle: of all places on a grid the one after which the label is likeliest, step by step', () => {
    const labels = Int32Array.of(3, 0, 2, 1);
    const answers = look(oracle(labels, 3));
    const grid = [0, 0.5, 1].flatMap(row => [0, 0.5, 1].map(column => [row, column] as const));
    const chosen: { row: number; column: number }[][] = Array.from({ length: n }, () => []);
    const logitsAfter = (places: readonly Tensor2D[]) =>
      expected(t => places[t - 1] ?? tf.zeros([n, 2])).logits[places.length] as Tensor2D;
    for (let t = 1; t < config.steps; t++) {
      const before = Array.from({ length: t - 1 }, (_, u) =>
        tf.tensor2d(chosen.map(places => [places[u]?.row ?? NaN, places[u]?.column ?? NaN])),
      );
      const likelihoods = grid.map(([row, column]) =>
        tf
          .logSoftmax(logitsAfter([...before, tf.tensor2d(Array.from(labels, () => [row, column]))]))
          .arraySync(),
      );
      for (const [i, label] of labels.entries()) {
        const best = grid.reduce((most, _, g) =>
          (likelihoods[g]?.[i]?.[label] ?? NaN) > (likelihoods[grid.indexOf(most)]?.[i]?.[label] ?? NaN)
            ? (grid[g] ?? most)
            : most,
        );
        chosen[i]?.push({ row: best[0], column: best[1] });
        expect([...(answers[t]?.actions?.subarray(2 * i, 2 * i + 2) ?? [])]).toEqual([...best]);
      }
    }
    expect(answers).toHaveLength(config.steps);
  });

  it('counts the policy only where it is asked', () => {
    const { gfnet, variables, costs } = smallNetwork(config);
    const multiAdds = (locator: LocatorName): readonly number[] =>
      anytimeGFNet(gfnet, costs, () => variables, locator).multiAdds;
    const [glance, policy] = [costs.glance, costs.policy].map(multiAddsOf);
    const focus = costs.focus.map(multiAddsOf);
    expect(multiAdds('learned')).toEqual([glance, ...focus.map(cost => cost + (policy ?? NaN))]);
    expect(multiAdds('centre')).toEqual([glance, ...focus]);
    expect(multiAdds('random')).toEqual([glance, ...focus]);
  });
});
