/** What the tests of training share. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadCheckpoint } from '../../src/checkpoint/checkpoint.js';
import type { TrainConfigInput } from '../../training/config.js';

/** Networks and sets as small as they can be: six batches of 16 an epoch, two epochs a stage. */
export const tiny = {
  data: {
    kind: 'cluttered-digits',
    canvas: 40,
    clutter: 1,
    train: 96,
    validation: 20,
    test: 20,
    canvasesPerDigit: 1,
  },
  network: {
    patch: 20,
    steps: 3,
    encoder: { name: 'small', widths: [4, 6] },
    classifier: { kind: 'gru', hidden: 8 },
    policy: { hidden: 8 },
  },
  batchSize: 16,
  stage1: { epochs: 2, encoderRate: 0.05, classifierRate: 0.05 },
  stage2: { epochs: 2 },
  stage3: { epochs: 2, encoderRate: 0.01, classifierRate: 0.01 },
  static: { epochs: 1, encoderRate: 0.05, input: 40 },
} satisfies TrainConfigInput;

/** Every tensor of a run's checkpoint, the optimizer's too, bit for bit. */
export function weights(run: string, name: 'best' | 'last' = 'last'): Map<string, string> {
  const { tensors } = loadCheckpoint(run, name);
  return new Map(
    [...tensors].map(([key, { values }]) => [
      key,
      Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64'),
    ]),
  );
}

/** The share of the rows of logits, [n, classes], whose largest is their label's. */
export function proportionRight(logits: Float32Array, labels: Int32Array): number {
  const classes = logits.length / labels.length;
  const right = labels.filter((label, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / labels.length;
}

interface Finetuning {
  readonly losses: readonly {
    readonly logits: number[][];
    readonly labels: number[];
    readonly weight: number[] | null;
    readonly smoothing: number;
    readonly expected: number;
    readonly gradient: number[][];
  }[];
  readonly bounded: readonly {
    readonly given: [number[][], number[]];
    readonly norm: number;
    readonly expected: [number[][], number[]];
  }[];
  readonly averaged: { readonly decay: number; readonly weights: number[][]; readonly expected: number[] };
  readonly mixed: readonly {
    readonly kind: 'mixup' | 'cutmix';
    readonly share: number;
    readonly row: number;
    readonly column: number;
    readonly images: number[];
    readonly labels: number[];
    readonly expected: number[];
    readonly targets: number[][];
  }[];
}

/** What PyTorch and torchvision make of losses, gradients, weights and images: written by finetuning.py. */
export const finetuning = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/pytorch/finetuning.json'), 'utf8'),
) as Finetuning;
