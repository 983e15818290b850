/** Several models judged on the same images: what each is by itself, and side by side at the same budgets. */
import { z } from 'zod';
import { DataError } from '../errors/index.js';
import { stream } from '../random/index.js';
import { bootstrapIntervals, sumBySource } from './bootstrap.js';
import { exits, exitSteps } from './exits.js';
import { fitBudget } from './fit.js';
import type { Evidence } from './outputs.js';
import { interval, operatingPoint, resultsSchema, type Results } from './results.js';

const difference = z.strictObject({ mean: z.number(), interval });

const schema = z.strictObject({
  version: z.literal(1),
  command: z.string(),
  /** In the order in which they were given: all others are compared with the first. */
  runs: z.array(
    z.strictObject({
      /** What tells it from the others. */
      name: z.string(),
      /** Accuracy less the first run's on the same images, 95 % intervals of the bootstrap over sources: of all steps, and of early exit at full accuracy. */
      ahead: z.strictObject({ allSteps: difference, early: difference }),
      results: resultsSchema,
    }),
  ),
  /** Mean Multi-Adds for one image, and what each run gives within it, thresholds fitted on validation; null where not even its glance fits. */
  budgets: z.array(
    z.strictObject({
      budget: z.number().positive(),
      points: z.array(z.strictObject(operatingPoint).nullable()).readonly(),
    }),
  ),
});
export type Comparison = z.infer<typeof schema>;

/** A run's results, and the outputs on test that they were computed from. */
export interface Judged {
  readonly name: string;
  readonly results: Results;
  readonly evidence: Evidence;
}

/** How many budgets are compared: each is the one before times a constant, from the cheapest glance to the dearest of all steps. */
const budgetCount = 8;

/**
 * @param runs two or more, on the same images in the same order
 * @throws {DataError} where the images are not the same
 */
export function compareRuns(command: string, runs: readonly Judged[]): Comparison {
  const [first] = runs;
  if (first === undefined) throw new DataError({ problem: 'no run to compare' });
  for (const run of runs.slice(1)) requireSameImages(first, run);
  const right = runs.map(rightAnswers);
  const differences = right.flatMap(answers =>
    (['allSteps', 'early'] as const).map(kind =>
      Int8Array.from(answers[kind], (value, i) => value - (right[0]?.[kind][i] ?? 0)),
    ),
  );
  const intervals = bootstrapIntervals(
    sumBySource(differences, first.evidence.sources),
    stream(0, 'bootstrap'),
  );
  const images = first.evidence.labels.length;
  const ahead = (k: number) => ({
    mean: (differences[k] ?? new Int8Array()).reduce((sum, value) => sum + value, 0) / images,
    interval: intervals[k] ?? ([NaN, NaN] as const),
  });
  return {
    version: 1,
    command,
    runs: runs.map(({ name, results }, i) => ({
      name,
      ahead: { allSteps: ahead(2 * i), early: ahead(2 * i + 1) },
      results,
    })),
    budgets: budgetsOf(runs).map(budget => ({
      budget,
      points: runs.map(({ results: { choices }, evidence }) =>
        Math.min(...choices.map(({ meanMultiAdds }) => meanMultiAdds)) > budget
          ? null
          : exits(evidence, fitBudget(choices, budget).thresholds),
      ),
    })),
  };
}

/** 1 where the answer is right, [n]: after all steps, and stopping early at full accuracy. */
function rightAnswers({ results, evidence }: Judged): Record<'allSteps' | 'early', Uint8Array> {
  const leave = exitSteps(evidence, results.fullAccuracy.thresholds);
  return {
    allSteps: evidence.last.correct,
    early: Uint8Array.from(leave, (step, i) => evidence.steps[step - 1]?.correct[i] ?? 0),
  };
}

function budgetsOf(runs: readonly Judged[]): number[] {
  const least = Math.min(...runs.map(({ evidence }) => evidence.steps[0]?.multiAdds ?? Infinity));
  const most = Math.max(...runs.map(({ evidence }) => evidence.last.multiAdds));
  return Array.from({ length: budgetCount }, (_, i) =>
    Math.ceil(least * (most / least) ** (i / (budgetCount - 1))),
  );
}

function requireSameImages(first: Judged, other: Judged): void {
  const images = ({ results, evidence }: Judged): string =>
    JSON.stringify([results.classes, [...evidence.labels], [...evidence.sources]]);
  if (images(first) === images(other)) return;
  const told = ({ name, results: { test, classes } }: Judged): string =>
    `${name}: ${test.name}, ${test.images} images of ${test.sources} sources, ${classes.length} classes`;
  throw new DataError({
    problem: 'these runs were not judged on the same images, so nothing can be said of which is better',
    given: [first, other].map(told).join('; '),
    mend: 'name the images for all of them with --data, --preset or --config, or evaluate each by itself',
  });
}

/** Reads the text of a comparison.json. @throws ZodError where it is none of this version */
export function parseComparison(text: string): Comparison {
  return schema.parse(JSON.parse(text));
}
