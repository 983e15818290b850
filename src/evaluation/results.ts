/** results.json: everything an evaluation found, in the one form that the terminal and the report are made from. */
import { z } from 'zod';
import { RunError } from '../errors/index.js';

const list = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).readonly();
const share = z.number().min(0).max(1);
const count = z.int().nonnegative();
const multiAdds = z.number().nonnegative();
const proportion = { accuracy: share, standardError: z.number().nonnegative() };

/** Of thresholds on a set. */
const outcome = {
  thresholds: list(z.number()),
  ...proportion,
  meanSteps: z.number().min(1),
  exitShares: list(share),
  /** Accuracy lost against all steps. */
  drop: z.strictObject({ mean: z.number(), standardError: z.number().nonnegative() }),
};

export const operatingPoint = { ...outcome, meanMultiAdds: multiAdds };

/** How places to look at are chosen; `learned` is the trained policy, the others are what it must beat. */
export const policyNames = ['learned', 'random', 'centre', 'corners', 'saliency', 'oracle'] as const;

/** The middle 95 % of the bootstrap over sources. */
export const interval = z.tuple([z.number(), z.number()]).readonly();

const policy = z.strictObject({
  name: z.enum(policyNames),
  /** Test accuracy after each step against the Multi-Adds spent so far. */
  steps: list(
    z.strictObject({
      step: z.int().positive(),
      multiAdds,
      ...proportion,
      interval,
      /** Accuracy of the learned policy less this one's, on the same images. */
      behind: z.strictObject({ mean: z.number(), interval }),
    }),
  ),
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

const latencyPoint = { ...outcome, meanMilliseconds: z.number().nonnegative() };

const latency = z.strictObject({
  /** Processor, threads. */
  machine: z.string(),
  /** Timed one by one. */
  images: z.int().positive(),
  /** Milliseconds that each step alone takes for one image: medians. */
  steps: list(z.number().positive()),
  /** Thresholds fitted on validation to each budget (mean milliseconds for one image), reported on test. */
  budgets: list(
    z.strictObject({
      budget: z.number().positive(),
      ...latencyPoint,
      /** What early exit took on the images that were timed, and what the steps that they took come to: mean milliseconds. */
      clock: z.strictObject({ milliseconds: z.number(), expected: z.number() }).optional(),
    }),
  ),
  /** Thresholds by direct search on validation, where time has a price; reported on test. */
  curve: list(z.strictObject(latencyPoint)),
});

/** What is promised to lose little: see `guarantees`. */
const riskNames = ['overall', 'every class', 'spoiled'] as const;

const risk = z.strictObject({
  /** Of the promises whose keeping was tried on random halves. */
  maxDrop: share,
  confidence: share,
  /** For each common threshold in the order of testing: how often sources of the validation set lost so much accuracy, [loss, count]. */
  path: list(
    z.strictObject({ threshold: z.number(), losses: list(z.tuple([z.number(), count]).readonly()) }),
  ),
  /** Thresholds that keep a promise, found on validation; reported on test. */
  guarantees: list(
    z.strictObject({ risk: z.enum(riskNames), maxDrop: share, threshold: z.number(), ...operatingPoint }),
  ),
  /** What thresholds chosen on a random half of all sources lost on the other half. */
  coverage: z.strictObject({ drops: list(z.number()), exceeded: count }),
});

const reliability = z.strictObject({
  nll: z.number().nonnegative(),
  brier: z.number().min(0).max(2),
  ece: share,
  adaptiveEce: share,
  bins: list(z.strictObject({ images: count, confidence: share, accuracy: share })),
});

/** What decides whether an image leaves: see `judgedBy`. */
export const criterionNames = [
  'confidence',
  'calibrated confidence',
  'margin',
  'entropy',
  'patience',
] as const;

const grid = list(list(share));

export const resultsSchema = z.strictObject({
  version: z.literal(2),
  /** The command that made these figures. */
  command: z.string(),
  /** Of the run; null for a model that has none. */
  seed: z.int().nullable(),
  model,
  classes: list(z.string()),
  validation: dataSet,
  test: dataSet,
  /** What budgets are fitted to: every choice of thresholds that was tried, with what it gives on validation. */
  choices: list(z.strictObject({ ...operatingPoint, expected: share.exactOptional() })),
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
  /** Budgets with a guarantee. */
  risk,
  /** Of the learned policy's probabilities on test: as they are, and with each step's temperature, fitted on validation. */
  calibration: list(
    z.strictObject({
      step: z.int().positive(),
      temperature: z.number().positive(),
      before: reliability,
      after: reliability,
    }),
  ),
  /** Ways to decide who leaves, at the same budgets; thresholds fitted on validation, reported on test. */
  criteria: z
    .array(z.strictObject({ criterion: z.enum(criterionNames), budget: multiAdds, ...operatingPoint }))
    .readonly(),
  /** Each class with all steps, and with early exit under the thresholds of `fullAccuracy`. */
  perClass: list(
    z.strictObject({
      class: count,
      images: count,
      accuracy: share,
      interval,
      early: z.strictObject({
        accuracy: share,
        interval,
        meanSteps: z.number().nonnegative(),
        meanMultiAdds: multiAdds,
      }),
    }),
  ),
  /** Images made worse, under the thresholds of `fullAccuracy`; null where that was not asked for. */
  robustness: z
    .strictObject({
      /** Whose constants the severities are. */
      from: z.string(),
      /** The first so many test images. */
      images: count,
      sets: list(
        z.strictObject({
          corruption: z.string(),
          /** 1 to 5; 0: the images as they are. */
          severity: z.int().min(0).max(5),
          allSteps: z.strictObject(proportion),
          early: z.strictObject(operatingPoint),
        }),
      ),
    })
    .nullable(),
  /** Learned policy on test after all steps: counts, [true class][predicted class]. */
  confusion: list(list(count)),
  /** Where the learned policy looked on test: for each step that chose a place, shares of images on a grid of [row][column]. */
  looks: z
    .array(
      z.strictObject({
        step: z.int().positive(),
        grid,
        /** Of the images of each class; none where there are more than 20. */
        classes: z.array(grid).readonly(),
        /** How far from the step before, as a share of the way that a crop can move along a side. */
        moved: z.strictObject({ mean: z.number(), median: z.number(), ninth: z.number() }).nullable(),
      }),
    )
    .readonly(),
  /** Early exit under the thresholds of `fullAccuracy`, by the clock. */
  timing: timing.nullable(),
  /** Early exit within milliseconds; null where time was not measured step by step. */
  latency: latency.nullable().default(null),
});

export type Results = z.infer<typeof resultsSchema>;
export type ModelSummary = z.infer<typeof model>;
export type PolicyName = (typeof policyNames)[number];
export type RiskName = (typeof riskNames)[number];
export type CriterionName = (typeof criterionNames)[number];
export type Latency = z.infer<typeof latency>;
export type LatencyPoint = Latency['curve'][number];
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
  const parsed = resultsSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new RunError({
    problem: `${from} is not the results of an evaluation by this version`,
    given: z.prettifyError(parsed.error),
    mend,
  });
}

const background = z.object({
  seed: resultsSchema.shape.seed,
  test: dataSet,
  statics: resultsSchema.shape.statics,
});

/** What a model cannot be asked again once it has left its run: kept from a results.json of any version; undefined where it says nothing of it. */
export function readBackground(text: string): z.infer<typeof background> | undefined {
  try {
    return background.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
