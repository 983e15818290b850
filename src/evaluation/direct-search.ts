/** Thresholds by direct search: those that are expected to be worth most on a calibration set, when Multi-Adds have a price. */
import { always, exitSteps, never } from './exits.js';
import type { Evidence } from './outputs.js';

/**
 * Prices of the Multi-Adds that leaving at the glance saves, in accuracy: from next to nothing to where no step can be worth its cost, so
 * that everyone leaves at the glance. 24 to a factor of ten.
 */
export function pricesFor({ steps, last }: Evidence): number[] {
  const totals = steps.map(({ multiAdds }) => multiAdds);
  const [glance = 0, ...later] = totals;
  const least = Math.min(...later.map((total, t) => total - (totals[t] ?? 0)));
  const highest = later.length === 0 ? 1 : (last.multiAdds - glance) / least;
  const count = Math.floor(24 * Math.log10(highest / lowestPrice)) + 2;
  return Array.from({ length: count }, (_, i) => lowestPrice * 10 ** (i / 24));
}

const lowestPrice = 1e-3;

/** Sweeps over the steps for one price; each can only gain, and few are needed. */
const maxSweeps = 10;

/**
 * For each price, thresholds under which
 *
 *     expected accuracy - price x mean Multi-Adds / Multi-Adds of all steps after the glance
 *
 * cannot be raised by changing any one of them: coordinate ascent from the last step that can be left to the first. With the other
 * thresholds as they are, the images that reach a step are put in order of falling confidence, and the best place to cut that order is
 * found in one pass.
 *
 * @param beliefs how likely each step's answers are right, [n] each. Whether they are (0 or 1) would do, but on few sources thresholds then suit
 *   the errors that these happen to have: see `beliefsOf`
 * @param prices above 0
 * @returns thresholds, one for each step, in the order of the prices; those that several prices agree on once
 */
export function searchThresholds(
  calibration: Evidence,
  beliefs: readonly Float32Array[],
  prices: readonly number[],
): number[][] {
  const { steps, labels } = calibration;
  const orders = steps.map(({ confidence }) =>
    Int32Array.from(labels.keys()).sort((a, b) => (confidence[b] ?? 0) - (confidence[a] ?? 0)),
  );
  const found = prices.map(price => searchOne(calibration, beliefs, orders, price));
  return [...new Map(found.map(thresholds => [thresholds.join(), thresholds])).values()];
}

/** `orders`: of each step, [n] images in order of falling confidence. */
function searchOne(
  calibration: Evidence,
  beliefs: readonly Float32Array[],
  orders: readonly Int32Array[],
  price: number,
): number[] {
  const { steps, last } = calibration;
  const beyondGlance = last.multiAdds - (steps[0]?.multiAdds ?? 0);
  const worth = steps.map(({ multiAdds }, t) =>
    Float64Array.from(beliefs[t] ?? [], right => right - (price * multiAdds) / beyondGlance),
  );
  const thresholds: number[] = steps.map((_, t) => (t === steps.length - 1 ? always : never));
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    const before = [...thresholds];
    for (let t = steps.length - 2; t >= 0; t--) thresholds[t] = bestCut(t);
    if (thresholds.every((threshold, t) => threshold === before[t])) break;
  }
  return thresholds;

  /** The best threshold of step t. */
  function bestCut(t: number): number {
    const confidence = steps[t]?.confidence ?? new Float32Array();
    const without = exitSteps(calibration, thresholds.with(t, never));
    let best: number = never;
    let [gain, most] = [0, 0];
    const order = orders[t] ?? new Int32Array();
    order.forEach((i, rank) => {
      const exit = (without[i] ?? 0) - 1;
      // Who has left before is not concerned.
      if (exit > t) gain += (worth[t]?.[i] ?? 0) - (worth[exit]?.[i] ?? 0);
      // Equal confidences leave together.
      const here = confidence[i] ?? 0;
      const next = order[rank + 1];
      if (gain > most && (next === undefined || confidence[next] !== here)) [most, best] = [gain, here];
    });
    return best;
  }
}
