/** How much the answers of a network are to be believed. */
import type { AnytimeOutputs } from './outputs.js';
import { answer } from './softmax.js';
import { fitTemperature } from './temperature.js';

/** The temperature of each step, fitted on a set: see `fitTemperature`. */
export function fitTemperatures({ logits, labels, classes }: AnytimeOutputs): number[] {
  return logits.map(step => fitTemperature({ logits: step, labels, classes }));
}

/** How likely each step's answers are right, [n] each: their confidence at the step's temperature. */
export function beliefsOf(
  outputs: AnytimeOutputs,
  temperatures: readonly number[] = fitTemperatures(outputs),
): Float32Array[] {
  return outputs.logits.map((logits, t) => {
    const temperature = temperatures[t] ?? 1;
    return answer(
      logits.map(logit => logit / temperature),
      outputs.classes,
    ).confidence;
  });
}
