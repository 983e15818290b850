/** The recurrent classifier f_C: what has been seen so far -> logits (paper, section 3.1; METHOD "Networks"). */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { unknownChoice } from '../errors/did-you-mean.js';
import { gru, linear } from '../nn/layers.js';
import type { Scope } from '../nn/scope.js';

export const ClassifierConfig = z.discriminatedUnion(
  'kind',
  [
    /** GRU over the pooled features, then linear (ResNet, DenseNet, RegNet). */
    z.strictObject({
      kind: z.literal('gru'),
      hidden: z.int().min(1).default(128),
      /** Who answers after the glance: the classifier, or the global encoder's own head, as the reference's RegNets do. */
      glance: z.enum(['classifier', 'encoder']).default('classifier'),
    }),
    /** Step t: a linear layer of its own over the features of steps 1..t (MobileNetV3, EfficientNet). */
    z.strictObject({ kind: z.literal('cascade') }),
  ],
  { error: unknownChoice('classifier', 'kind', ['gru', 'cascade']) },
);
export type ClassifierConfig = z.infer<typeof ClassifierConfig>;

/** What the classifier carries from step to step: the GRU's hidden state, or the features so far; [n, ...] each. */
export type Memory = readonly Tensor2D[];

export interface Classifier {
  /** The memory before the first step. */
  initial(images: number): Memory;
  /** Step t = 0, 1, ...; at step 0 `glanceLogits` is the global encoder's own answer. */
  classify(
    scope: Scope,
    t: number,
    feature: Tensor2D,
    memory: Memory,
    glanceLogits: Tensor2D | undefined,
  ): { logits: Tensor2D; memory: Memory };
  /** Whether all steps after the first compute the same function. */
  readonly recurrent: boolean;
  /** Whether the glance is answered by the global encoder's own head. */
  readonly glanceByEncoder: boolean;
}

export function createClassifier(config: ClassifierConfig, classes: number): Classifier {
  return config.kind === 'gru' ? recurrent(config, classes) : cascade(classes);
}

function recurrent(
  { hidden: size, glance }: Extract<ClassifierConfig, { kind: 'gru' }>,
  classes: number,
): Classifier {
  return {
    recurrent: true,
    glanceByEncoder: glance === 'encoder',
    initial: images => [tf.zeros([images, size])],
    classify: (scope, _t, feature, memory, glanceLogits) => {
      const hidden = gru(scope.at('gru'), feature, memory[0] as Tensor2D);
      const own = glance === 'encoder' ? glanceLogits : undefined;
      return { logits: own ?? linear(scope.at('fc'), hidden, classes), memory: [hidden] };
    },
  };
}

function cascade(classes: number): Classifier {
  return {
    recurrent: false,
    glanceByEncoder: true,
    initial: () => [],
    classify: (scope, t, feature, memory, glanceLogits) => {
      const features = [...memory, feature];
      const logits = glanceLogits ?? linear(scope.at('fc').at(t), tf.concat(features, 1), classes);
      return { logits, memory: features };
    },
  };
}
