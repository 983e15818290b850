/** Outputs to evaluate: small arbitrary ones full of ties, and large ones of a made-up model that is surer and better at each step. */
import fc from 'fast-check';
import type { AnytimeOutputs, Evidence } from '../../src/evaluation/index.js';
import { normal, stream } from '../../src/random/index.js';

/** Integer logits, so that many confidences are equal. */
export const tiedOutputs: fc.Arbitrary<AnytimeOutputs> = fc
  .record({ n: fc.integer({ min: 2, max: 30 }), steps: fc.integer({ min: 1, max: 5 }) })
  .chain(({ n, steps }) =>
    fc.record({
      logits: fc.array(
        fc
          .array(fc.integer({ min: 0, max: 4 }), { minLength: 3 * n, maxLength: 3 * n })
          .map(row => Float32Array.from(row)),
        { minLength: steps, maxLength: steps },
      ),
      labels: fc
        .array(fc.integer({ min: 0, max: 2 }), { minLength: n, maxLength: n })
        .map(labels => Int32Array.from(labels)),
      classes: fc.constant(3),
      multiAdds: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: steps, maxLength: steps }),
    }),
  );

/** `evidence[t]` is how far the right class's logit is above the others' on average at step t. */
export function modelOutputs(
  seed: number,
  n: number,
  evidence: readonly number[],
  classes = 10,
): AnytimeOutputs {
  const random = stream(seed, 'synthetic');
  const labels = Int32Array.from({ length: n }, (_, i) => i % classes);
  return {
    labels,
    classes,
    multiAdds: evidence.map((_, t) => (t === 0 ? 9e6 : 9.5e6)),
    sources: labels.map((_, i) => Math.floor(i / 10)),
    logits: evidence.map(strength => {
      const logits = normal(random, n * classes);
      for (const [i, label] of labels.entries()) {
        logits[i * classes + label] = (logits[i * classes + label] ?? 0) + strength;
      }
      return logits;
    }),
    actions: evidence.map((_, t) =>
      t === 0 ? null : normal(random, 2 * n).map(x => Math.min(1, Math.max(0, 0.5 + x / 5))),
    ),
  };
}

/** Whether each step's answers are right, as beliefs that are sure: what is then expected is what is measured. */
export function rightness({ steps }: Evidence): Float32Array[] {
  return steps.map(({ correct }) => Float32Array.from(correct));
}
