/** What an anytime model gave on a set of images, and the view of it that every figure is computed from. */
import { DataError } from '../errors/index.js';
import { answer, type Answers } from './softmax.js';

/** The saved outputs of an anytime model on n images; a plain network is one of a single step. */
export interface AnytimeOutputs {
  /** One array for each step, [n, classes]. */
  readonly logits: readonly Float32Array[];
  /** Class indices, [n]. */
  readonly labels: Int32Array;
  readonly classes: number;
  /** Multi-Adds for one image of each step alone. */
  readonly multiAdds: readonly number[];
  /** Which source each image was made from, [n]; by default each is its own. Images of one source err together. */
  readonly sources?: Int32Array;
  /** Where each step looked, [n, 2] (row, column in [0, 1]), or null where it did not choose a place (the glance). */
  readonly actions?: readonly (Float32Array | null)[];
}

/** One step's answers. */
export interface Step extends Answers {
  /** 1 where the answer is right, else 0, [n]. */
  readonly correct: Uint8Array;
  /** Multi-Adds for one image spent up to the end of this step. */
  readonly multiAdds: number;
}

/** Outputs reduced to what was answered, how surely, whether rightly and at what cost. */
export interface Evidence {
  readonly steps: readonly Step[];
  readonly last: Step;
  readonly labels: Int32Array;
  readonly classes: number;
  /** Source of each image, [n]. */
  readonly sources: Int32Array;
}

/**
 * Reads the answers off the logits.
 *
 * @throws {DataError} when array lengths disagree, a label is no class, or fewer than two sources leave no standard error
 */
export function readEvidence(outputs: AnytimeOutputs): Evidence {
  const { labels, classes } = outputs;
  const sources = outputs.sources ?? Int32Array.from(labels.keys());
  checkLengths(outputs, sources);
  let multiAdds = 0;
  const steps = outputs.logits.map((logits, t): Step => {
    multiAdds += outputs.multiAdds[t] ?? 0;
    const answers = answer(logits, classes);
    return {
      ...answers,
      correct: Uint8Array.from(answers.predicted, (predicted, i) => Number(predicted === labels[i])),
      multiAdds,
    };
  });
  const last = steps.at(-1);
  if (last === undefined)
    throw new DataError({ problem: 'outputs of no step', allowed: 'at least one step' });
  return { steps, last, labels, classes, sources };
}

function checkLengths(outputs: AnytimeOutputs, sources: Int32Array): void {
  const { logits, labels, classes, multiAdds } = outputs;
  const n = labels.length;
  const lengths = logits.map(step => step.length);
  if (lengths.some(length => length !== n * classes)) {
    throw new DataError({
      problem: 'logits do not fit the labels',
      given: `${lengths.join(', ')} logits for ${n} labels of ${classes} classes`,
      allowed: `${n * classes} logits at each step`,
    });
  }
  if (multiAdds.length !== logits.length || sources.length !== n) {
    throw new DataError({
      problem: 'costs or sources do not fit the outputs',
      given: `${multiAdds.length} costs and ${sources.length} sources`,
      allowed: `${logits.length} costs (one for each step) and ${n} sources (one for each image)`,
    });
  }
  const foreign = labels.find(label => label < 0 || label >= classes);
  if (foreign !== undefined) {
    throw new DataError({
      problem: 'label is no class',
      given: `${foreign}`,
      allowed: `0 to ${classes - 1}`,
    });
  }
  if (new Set(sources).size < 2) {
    throw new DataError({
      problem: 'too few images to evaluate: a standard error needs at least two independent ones',
      given: `${n} images of ${new Set(sources).size} sources`,
      mend: 'evaluate a larger set',
    });
  }
}
