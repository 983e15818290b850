/** How accuracy and cost change as images get worse, under thresholds that were fitted on good ones. */
import { exits, type OperatingPoint } from './exits.js';
import { readEvidence, type AnytimeOutputs } from './outputs.js';
import { proportion, type Proportion } from './proportion.js';

export interface Degradation {
  readonly corruption: string;
  /** 1 to 5; 0 of the images as they are. */
  readonly severity: number;
  readonly allSteps: Proportion;
  readonly early: OperatingPoint;
}

/** The learned policy's outputs on corrupted images. */
export interface CorruptedOutputs extends Pick<Degradation, 'corruption' | 'severity'> {
  readonly outputs: AnytimeOutputs;
}

export function degradations(
  sets: readonly CorruptedOutputs[],
  thresholds: readonly number[],
): Degradation[] {
  return sets.map(({ corruption, severity, outputs }) => {
    const evidence = readEvidence(outputs);
    return {
      corruption,
      severity,
      allSteps: proportion(evidence.last.correct, evidence.sources),
      early: exits(evidence, thresholds),
    };
  });
}
