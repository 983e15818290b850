/** What the training loop needs of a stage. */
import type { Tensors } from '../src/engine/gradients.js';
import type { Batch } from '../src/data/loader.js';
import type { AnytimeModel } from '../src/model/anytime.js';
import type { MetricDefinition } from '../src/checkpoint/metrics.js';
import type { BatchMetrics } from './epoch-sums.js';
import type { Position } from './schedule.js';

export const stages = ['stage1', 'stage2', 'stage3', 'static'] as const;
export type StageName = (typeof stages)[number];

export interface Trainer {
  readonly stage: StageName;
  readonly epochs: number;
  /** The option that sets its learning rate, and its value: what to lower where training diverges. */
  readonly rate: { readonly option: string; readonly value: number };
  /** What is being trained, as it is now: asked for anew after each step. */
  readonly model: AnytimeModel;
  /** Figures of this stage beside loss and accuracy. */
  readonly means: Readonly<Record<string, MetricDefinition>>;
  /** Whether it mixes each image with the one before it in its batch. */
  readonly mixes: boolean;
  /** Learns from one batch, or this worker's share of one. Randomness is a function of the seed and of where training is. */
  train(batch: Batch, position: Position): BatchMetrics;
  /** Everything that training changes, by name. */
  tensors(): Tensors;
  /** Takes the tensors of a checkpoint; they become the trainer's. */
  restore(tensors: Tensors): void;
  dispose(): void;
}
