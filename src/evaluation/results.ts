/** results.json: everything an evaluation found, in the one form that the terminal and the report are made from. */
import { z } from 'zod';
import { RunError } from '../errors/index.js';

const list = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).readonly();
const share = z.number().min(0).max(1);
const count = z.int().nonnegative();
const multiAdds = z.number().nonnegative();
const proportion = { accuracy: share, standardError: z.number().nonnegative() };

const operatingPoint = {
  thresholds: list(z.number()),
  ...proportion,
  meanSteps: z.number().min(1),
  meanMultiAdds: multiAdds,
  exitShares: list(share),
  /** Accuracy lost against all steps. */
  drop: z.strictObject({ mean: z.number(), standardError: z.number().nonnegative() }),
};

/** How places to look at are chosen; `learned` is the trained policy, the others are what it must beat. */
const policyNames = ['learned', 'random', 'centre'] as const;

const policy = z.strictObject({
  name: z.enum(policyNames),
  /** Test accuracy after each step against the Multi-Adds spent so far. */
  steps: list(z.strictObject({ step: z.int().positive(), multiAdds, ...proportion })),
});

const model = z.strictObject({
  name: z.string(),
  /** SHA-256 of the tensor file that was evaluated. */
  sha256: z.string(),
  /** Encoder, classifier and policy in a few words. */
  architecture: z.string(),
  /** Sides in pixels. */
  image: z.int().positive(),
  patch: z.int().positive(),
  steps: z.int().positive(),
  parameters: count,
});

const dataSet = z.strictObject({ name: z.string(), images: count, sources: count });

const timing = z.strictObject({
  /** What it was measured on, e.g. `2 threads, batch 64`. */
  conditions: z.string(),
  allStepsImagesPerSecond: z.number().positive(),
  earlyExitImagesPerSecond: z.number().positive(),
  /** All steps' Multi-Adds over early exit's mean on the images that were timed. */
  countedSpeedup: z.number().positive(),
  measuredSpeedup: z.number().positive(),
  /** Measured over counted; 1 when every saved Multi-Add saves its time. */
  ratio: z.number().positive(),
});

const schema = z.strictObject({
  version: z.literal(1),
  /** The command that made these figures. */
  command: z.string(),
  seed: z.int(),
  model,
  classes: list(z.string()),
  validation: dataSet,
  test: dataSet,
  /** What budgets are fitted to: every choice of thresholds that was tried, with what it gives on validation. */
  calibration: list(z.strictObject(operatingPoint)),
  /** The learned one first. */
  policies: list(policy),
  /** Plain networks, for comparison. */
  statics: z
    .array(z.strictObject({ name: z.string(), input: z.int().positive(), multiAdds, ...proportion }))
    .readonly(),
  /** Thresholds fitted on validation to each budget (mean Multi-Adds for one image), reported on test. */
  budgets: list(z.strictObject({ budget: multiAdds, ...operatingPoint })),
  /** The reference's 39 exit-share budgets, fitted on validation, reported on test. */
  exitShares: list(z.strictObject({ p: z.number().positive(), ...operatingPoint })),
  /** Thresholds by direct search on validation, from most steps to fewest; reported on test. */
  directSearch: list(z.strictObject(operatingPoint)),
  /** One threshold for all steps, reported on test. */
  commonThresholds: list(z.strictObject({ threshold: z.number(), ...operatingPoint })),
  /** The cheapest thresholds that, on validation, lose at most `maxDrop` against all steps, a standard error included; reported on test. */
  fullAccuracy: z.strictObject({
    maxDrop: share,
    ...operatingPoint,
    /** Mean Multi-Adds over those of all steps. */
    relativeCost: share,
  }),
  /** Learned policy on test after all steps: counts, [true class][predicted class]. */
  confusion: list(list(count)),
  /** Where the learned policy looked on test: for each step that chose a place, shares of images on a grid of [row][column]. */
  looks: z.array(z.strictObject({ step: z.int().positive(), grid: list(list(share)) })).readonly(),
  /** Early exit under the thresholds of `fullAccuracy`, by the clock. */
  timing: timing.nullable(),
});

export type Results = z.infer<typeof schema>;
export type ModelSummary = z.infer<typeof model>;
export type PolicyName = (typeof policyNames)[number];
export type Timing = z.infer<typeof timing>;

/**
 * Reads the text of a results.json.
 *
 * @param from where the text comes from, for messages
 * @throws {RunError} when it is not JSON or not of this version's form
 */
export function parseResults(text: string, from: string): Results {
  const mend = 'run `gfnet evaluate` again';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RunError({ problem: `${from} is not JSON`, mend, cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new RunError({
    problem: `${from} is not the results of an evaluation by this version`,
    given: z.prettifyError(parsed.error),
    mend,
  });
}
