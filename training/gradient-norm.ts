/** What metrics say of the norm of the gradients, where it is bounded. */
import type { Scalar } from '@tensorflow/tfjs-core';
import type { MetricDefinition } from '../src/checkpoint/metrics.js';

export function normMeans(maxNorm: number | undefined): Readonly<Record<string, MetricDefinition>> {
  if (maxNorm === undefined) return {};
  return { gradientNorm: { description: 'norm of all gradients before it is bounded by maxNorm' } };
}

export function normValues({ gradientNorm }: { readonly gradientNorm?: Scalar }): Record<string, number> {
  return gradientNorm ? { gradientNorm: gradientNorm.dataSync()[0] ?? NaN } : {};
}
