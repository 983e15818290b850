/** Configurations by name. */
import type { TrainConfigInput } from './config.js';
import type { PaperConfig } from './paper.js';
import { paperConfig, paperConfigs } from './paper.js';

type Digits = Pick<
  Extract<TrainConfigInput['data'], { kind: 'cluttered-digits' }>,
  'canvas' | 'clutter' | 'canvasesPerDigit' | 'distortion'
>;

type Looks = Pick<TrainConfigInput['network'], 'patch' | 'encoder'>;

interface Schedule {
  /** Images a step. */
  readonly batch: number;
  /** Epochs of the three stages, and of the static network: as many as the encoders have, in stages 1 and 3, where there is time for it. */
  readonly epochs: readonly [number, number, number, number];
  /** Initial learning rate of stages 1 and 3, and of the static network. */
  readonly rate: number;
  readonly weightDecay: number;
  /** Side of the static network's input, in pixels. */
  readonly input: number;
}

function cluttered(
  data: Digits,
  looks: Looks,
  { batch, epochs, rate, weightDecay, input }: Schedule,
): TrainConfigInput {
  const [stage1, stage2, stage3, alone] = epochs;
  const learning = { encoderRate: rate, classifierRate: rate, weightDecay };
  return {
    data: { kind: 'cluttered-digits', ...data },
    network: {
      ...looks,
      steps: 4,
      classifier: { kind: 'gru' },
      policy: {},
    },
    batchSize: batch,
    stage1: { epochs: stage1, ...learning },
    stage2: { epochs: stage2 },
    stage3: { epochs: stage3, ...learning },
    static: { epochs: alone, encoderRate: rate, weightDecay, input },
  };
}

/** Of the digits: the stronger it is the better new digits are read, and the longer it takes to learn. */
const mild = { affine: 0.1, elastic: 1, stroke: 0.3 };
const strong = { affine: 0.15, elastic: 2, stroke: 0.4 };

/** Of the two that are trained for long. */
const thorough = { batch: 64, rate: 0.05, weightDecay: 5e-4 };

/**
 * Handwritten digits in clutter: 60 x 60 with 4 pieces, 100 x 100 with 8. Looks cost 9.2 or 9.3 M Multi-Adds and are so large that a digit
 * is 12 or 13 pixels wide in the glance: in one of 28 x 28 at 100 x 100 it is 8, and the glance errs more than twice as often. `demo` is the
 * first in a short run of a narrower network; its static network costs what early exit does on average.
 */
const digits = {
  'cluttered-60': cluttered(
    { canvas: 60, clutter: 4, distortion: strong },
    { patch: 28, encoder: { name: 'small', widths: [32, 64, 104], stem: 2 } },
    { ...thorough, epochs: [14, 8, 55, 69], input: 60 },
  ),
  'cluttered-100': cluttered(
    { canvas: 100, clutter: 8, distortion: mild },
    { patch: 44, encoder: { name: 'small', widths: [20, 40, 72], stem: 2 } },
    { ...thorough, epochs: [12, 8, 36, 48], input: 100 },
  ),
  demo: cluttered(
    { canvas: 60, clutter: 4, canvasesPerDigit: 2 },
    { patch: 28, encoder: { name: 'small', widths: [8, 16, 32] } },
    {
      batch: 32,
      epochs: [8, 4, 7, 6],
      rate: 0.04,
      weightDecay: 1e-4,
      input: 32,
    },
  ),
} satisfies Record<string, TrainConfigInput>;

/**
 * Photographs of one's own, at 224 px: the paper's settings for the encoder's family, but in fewer epochs and smaller batches, for folders
 * are smaller than ImageNet, and with a glance that learns, for it may begin with random weights. The encoders' own losses count as much as
 * the classifier's: five times as much, as for the paper's pretrained MobileNetV3, makes steps so long that a glance without such weights stays at
 * chance.
 */
function photos(name: 'resnet18' | 'mobilenetv3_small_100', steps: number): PaperConfig {
  const { stage1, stage2, stage3, static: alone, ...rest } = paperConfig(name, 96, steps);
  const rates = { encoderRate: 0.02, supervision: 1, freeze: [] };
  return {
    ...rest,
    batchSize: 64,
    stage1: { ...stage1, ...rates, classifierRate: 0.05, epochs: 40 },
    stage2: { ...stage2, epochs: 10 },
    stage3: { ...stage3, ...rates, encoderRate: 0.01, epochs: 20 },
    static: { ...alone, encoderRate: 0.02, epochs: 40 },
  };
}

const images = {
  'photos-96': photos('resnet18', 4),
  'photos-96-mobile': photos('mobilenetv3_small_100', 4),
};

export const presets: Readonly<Record<string, PaperConfig>> & typeof digits = {
  ...digits,
  ...images,
  ...paperConfigs,
};
