/** What a training run is told: data, network, and the three stages' hyperparameters; defaults live here, once. */
import { z } from 'zod';
import { DataConfig } from '../src/data/config.js';
import { areFiles } from '../src/data/images/open.js';
import { networks } from '../src/encoders/registry.js';
import { precisions } from '../src/engine/precision.js';
import { NetworkConfig, side } from '../src/model/config.js';

const positive = z.number().positive();
const epochs = z.int().min(1);
/** Epochs without a higher validation accuracy after which a stage ends, with the best weights; without it never. */
const patience = z.int().min(1).exactOptional();

/** Epochs in which the learning rate rises to its value. */
const warmup = z.number().min(0).default(0);
/** Bound of the norm of all gradients together. */
const maxNorm = positive.exactOptional();

/** Of variables, see patterns.ts. */
const pattern = z.string().min(1);

/** SGD with Nesterov momentum, cosine to 0. */
const DescentConfig = z.strictObject({
  epochs,
  patience,
  /** Of f_G and f_L. */
  encoderRate: positive,
  momentum: z.number().min(0).lt(1).default(0.9),
  weightDecay: z.number().min(0).default(1e-4),
  warmup,
  /** Factors of the learning rates of parts. */
  rates: z.record(pattern, positive).default({}),
  /** What stays as it is, batch norm's statistics included. */
  freeze: z.array(pattern).default([]),
  maxNorm,
  /** Parts that each batch is computed in, to save memory; batch norm's statistics are then those of the parts. */
  accumulate: z.int().min(1).default(1),
  /** Decay of the average of the weights, which then predicts; 0: the weights themselves do. */
  ema: z.number().min(0).lt(1).default(0),
  /** Share of each label that is spread over all classes (Szegedy et al. 2016). */
  labelSmoothing: z.number().min(0).lt(1).default(0),
  /** Parameters of the Beta distributions by which images of a batch are mixed, see mix.ts; 0: they are not. */
  mixup: z.number().min(0).default(0),
  cutmix: z.number().min(0).default(0),
  /** What images of a class count in the loss, 1 for those not named; `balanced`: all classes as much. */
  classWeights: z.union([z.literal('balanced'), z.record(z.string(), positive)]).exactOptional(),
});
export type DescentConfig = Readonly<z.infer<typeof DescentConfig>>;

/** Stages 1 and 3. */
const SgdConfig = DescentConfig.extend({
  /** Of f_C. */
  classifierRate: positive,
  /** Weight r of the encoders' own losses. */
  supervision: z.number().min(0).default(1),
});
export type SgdConfig = Readonly<z.infer<typeof SgdConfig>>;

/** Stage 2: proximal policy optimization with Adam. */
const PpoConfig = z.strictObject({
  epochs,
  patience,
  rate: positive.default(3e-4),
  warmup,
  maxNorm,
  gamma: z.number().min(0).max(1).default(0.7),
  clip: positive.default(0.2),
  valueWeight: z.number().min(0).default(0.5),
  entropyWeight: z.number().min(0).default(0.01),
  /** Passes over the batch of a rollout; each is a part of one compiled step. */
  updates: z.int().min(1).max(1000).default(1),
});

export const TrainConfig = z
  .strictObject({
    data: DataConfig,
    network: NetworkConfig,
    /** Of all workers together. */
    batchSize: z.int().min(2).max(1_000_000).default(128),
    /** Where several workers train: whose images batch norm takes its statistics of while it learns, each worker's own or those of all. */
    batchNorm: z.enum(['worker', 'joint']).default('worker'),
    /** Of products and activations in training steps. */
    precision: z.enum(precisions).default('float32'),
    stage1: SgdConfig,
    stage2: PpoConfig,
    stage3: SgdConfig,
    /** The line to beat: the same encoder once, on the image resized to `input`. */
    static: DescentConfig.extend({ input: side }),
  })
  .transform(config => ({ ...config, data: prepared(config.data, config.network.encoder.name) }));
export type TrainConfig = z.infer<typeof TrainConfig>;
export type TrainConfigInput = z.input<typeof TrainConfig>;

/** Evaluation: the short side is resized to this many times the square that is cut out, where the encoder's weights say nothing. */
const usualMargin = 256 / 224;

/** Image files are prepared, where the configuration does not say how, as they are for the encoder's published weights, at their own side. */
function prepared(data: DataConfig, encoder: string): DataConfig {
  if (!areFiles(data)) return data;
  const theirs = networks.get(encoder)?.weights[0]?.preprocessing;
  const margin = theirs ? theirs.resize / theirs.side : usualMargin;
  return {
    ...data,
    resize: data.resize ?? Math.round(data.side * margin),
    interpolation: data.interpolation ?? theirs?.interpolation ?? 'bilinear',
  };
}
