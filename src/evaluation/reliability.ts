/** How far probabilities can be believed: calibration errors and proper scores (Guo et al. 2017). */
import { answer } from './softmax.js';
import type { Labelled } from './temperature.js';

/** As in Guo et al. */
const bins = 15;

/** Images of about the same confidence. */
interface Bin {
  readonly images: number;
  /** Mean confidence and accuracy of its images, in [0, 1]; 0 of none. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Reliability {
  /** Mean negative log-likelihood of the true class, in nats. */
  readonly nll: number;
  /** Mean over images of the sum over classes of (p - [class is true])^2, in [0, 2]. */
  readonly brier: number;
  /** Expected calibration error over 15 bins of equal width, in [0, 1]. */
  readonly ece: number;
  /** The same over 15 bins of equally many images. */
  readonly adaptiveEce: number;
  /** Those of equal width: ((m - 1) / 15, m / 15]. */
  readonly bins: Bin[];
}

/** Of softmax(logits / temperature). */
export function reliability({ logits, labels, classes }: Labelled, temperature = 1): Reliability {
  const scaled = logits.map(logit => logit / temperature);
  const { predicted, confidence } = answer(scaled, classes);
  const correct = Array.from(predicted, (label, i) => Number(label === labels[i]));
  const images = [...labels.keys()];
  const equalWidth = Array.from({ length: bins }, (): number[] => []);
  for (const i of images) {
    equalWidth[Math.min(bins, Math.max(1, Math.ceil((confidence[i] ?? 0) * bins))) - 1]?.push(i);
  }
  const rising = images.toSorted((a, b) => (confidence[a] ?? 0) - (confidence[b] ?? 0));
  const bin = (members: readonly number[]): Bin => ({
    images: members.length,
    confidence: mean(members.map(i => confidence[i] ?? 0)),
    accuracy: mean(members.map(i => correct[i] ?? 0)),
  });
  const diagram = equalWidth.map(bin);
  return {
    ...scores({ logits: scaled, labels, classes }),
    ece: calibrationError(diagram),
    adaptiveEce: calibrationError(split(rising).map(bin)),
    bins: diagram,
  };
}

/** Into parts that differ by at most one, the larger first. */
function split(values: readonly number[]): number[][] {
  const [least, more] = [Math.floor(values.length / bins), values.length % bins];
  const start = (part: number) => part * least + Math.min(part, more);
  return Array.from({ length: bins }, (_, part) => values.slice(start(part), start(part + 1)));
}

/** sum_m n_m / n |accuracy_m - confidence_m| */
function calibrationError(diagram: readonly Bin[]): number {
  const total = diagram.reduce((sum, { images }) => sum + images, 0);
  return diagram.reduce(
    (sum, { images, confidence, accuracy }) => sum + (images / total) * Math.abs(accuracy - confidence),
    0,
  );
}

function scores({ logits, labels, classes }: Labelled): Pick<Reliability, 'nll' | 'brier'> {
  let [nll, brier] = [0, 0];
  for (const [i, label] of labels.entries()) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const top = row.reduce((a, z) => Math.max(a, z), -Infinity);
    const total = row.reduce((sum, z) => sum + Math.exp(z - top), 0);
    nll += Math.log(total) - ((row[label] ?? 0) - top);
    for (const [k, z] of row.entries()) brier += (Math.exp(z - top) / total - Number(k === label)) ** 2;
  }
  return { nll: nll / labels.length, brier: brier / labels.length };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
