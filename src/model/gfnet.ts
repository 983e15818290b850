/** GFNet: glance, then focus (Wang et al., NeurIPS 2020, section 3). */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import type { Memory } from '../classifier/index.js';
import { createClassifier } from '../classifier/index.js';
import { crop } from '../crop/index.js';
import { createEncoder } from '../encoders/registry.js';
import { linear } from '../nn/layers.js';
import { resize } from '../nn/resize.js';
import type { LayerCost, Scope, Variables } from '../nn/scope.js';
import { build } from '../nn/scope.js';
import type { Decision } from '../policy/index.js';
import { decide, readMap } from '../policy/index.js';
import type { Random } from '../random/index.js';
import type { ModelConfig } from './config.js';
import { normalise } from './normalise.js';

/** What a look at the glance or a crop leaves. */
export interface Look {
  /** [n, h, w, c]: the last feature map. */
  readonly map: Tensor4D;
  readonly memory: Memory;
  /** [n, classes]: p_t before the softmax. */
  readonly logits: Tensor2D;
  /** [n, classes]: the encoder's own answer, for deep supervision. */
  readonly ownLogits: Tensor2D;
}

/** What one image costs, layer by layer. */
export interface Costs {
  /** Step 1: global encoder and classifier. */
  readonly glance: readonly LayerCost[];
  /** Of each crop, steps 2..T: local encoder and classifier. */
  readonly focus: readonly (readonly LayerCost[])[];
  readonly policy: readonly LayerCost[];
}

export class GFNet {
  private readonly encode;
  private readonly classifier;

  constructor(readonly config: ModelConfig) {
    this.encode = createEncoder(config.encoder);
    this.classifier = createClassifier(config.classifier, config.classes.length);
  }

  /** Whether all crops are looked at by one and the same function. */
  get recurrent(): boolean {
    return this.classifier.recurrent;
  }

  /** The classifier's memory of `n` images before the first step. */
  initialMemory(n: number): Memory {
    return this.classifier.initial(n);
  }

  /** The policy's hidden state before its first decision: [n, hidden]. */
  initialPolicy(n: number): Tensor2D {
    return tf.zeros([n, this.config.policy.hidden]);
  }

  /** Pixels in [0, 1] -> what the encoders see; [n, side, side, channels]. */
  normalise(images: Tensor4D): Tensor4D {
    return normalise(images, this.config);
  }

  /** Step 1: a look at the whole image, made small. `images`: normalised. */
  glance(scope: Scope, images: Tensor4D, memory: Memory): Look {
    return this.glanceAt(scope, this.shrink(images), memory);
  }

  /** The same of what `shrink` gives, normalised. */
  glanceAt(scope: Scope, glance: Tensor4D, memory: Memory): Look {
    return this.look(scope, 'global', glance, 0, memory);
  }

  /** [n, side, side, c] -> [n, patch, patch, c] */
  shrink(images: Tensor4D): Tensor4D {
    return resize(images, this.config.patch, this.config.interpolation);
  }

  /** Where to look next, given the last feature map. */
  decide(scope: Scope, map: Tensor4D, hidden: Tensor2D): Decision {
    return this.decideOn(scope, this.readMap(scope, map), hidden);
  }

  /** The same of what `readMap` gives. */
  decideOn(scope: Scope, seen: Tensor2D, hidden: Tensor2D): Decision {
    return decide(scope.at('policy'), this.config.policy, seen, hidden);
  }

  /** What the policy keeps of a feature map: [n, features]. */
  readMap(scope: Scope, map: Tensor4D): Tensor2D {
    return readMap(scope.at('policy'), this.config.policy, map);
  }

  /** Step t = 1 .. T - 1 (counted from the glance's 0): a look at the patch at `action`. */
  focus(scope: Scope, t: number, images: Tensor4D, action: Tensor2D, memory: Memory): Look {
    return this.focusOn(scope, t, this.cut(images, action), memory);
  }

  /** The same of what `cut` gives, normalised. */
  focusOn(scope: Scope, t: number, patch: Tensor4D, memory: Memory): Look {
    return this.look(scope, 'local', patch, t, memory);
  }

  /** What the local encoder sees in a normalised patch, whatever was seen before: [n, features]. */
  feature(scope: Scope, patch: Tensor4D): Tensor2D {
    return this.encode(scope.at('local'), patch).pooled;
  }

  /** What step t = 1 .. T - 1 answers to a `feature`: logits, [n, classes]. */
  judge(scope: Scope, t: number, feature: Tensor2D, memory: Memory): Tensor2D {
    return this.classifier.classify(scope.at('classifier'), t, feature, memory, undefined).logits;
  }

  /** [n, side, side, c], [n, 2] -> [n, patch, patch, c] */
  cut(images: Tensor4D, action: Tensor2D): Tensor4D {
    return crop(images, action, this.config.patch);
  }

  /**
   * Makes all variables, of random or no values, and counts what each step costs by running it. An encoder's own head is
   * not counted where it answers to training only.
   */
  initialise(values: Random | 'zeros'): { variables: Variables; costs: Costs } {
    const { side, channels, steps } = this.config;
    let costs: Costs | undefined;
    const variables = build(values, (scope, spent) => {
      const images = this.normalise(tf.zeros([1, side, side, channels]));
      let look = this.glance(scope, images, this.initialMemory(1));
      const glance = answering(spent(), this.classifier.glanceByEncoder ? 'global.head' : undefined);
      this.decide(scope, look.map, this.initialPolicy(1));
      const policy = spent();
      const focus: (readonly LayerCost[])[] = [];
      for (let t = 1; t < steps; t++) {
        look = this.focus(scope, t, images, tf.zeros([1, 2]), look.memory);
        focus.push(answering(spent()));
      }
      costs = { glance, focus, policy };
    });
    return { variables, costs: costs as unknown as Costs };
  }

  private look(scope: Scope, encoder: 'global' | 'local', patch: Tensor4D, t: number, memory: Memory): Look {
    const part = scope.at(encoder);
    const { map, pooled } = this.encode(part, patch);
    const ownLogits = linear(part.at('head'), pooled, this.config.classes.length);
    const answer = this.classifier.classify(
      scope.at('classifier'),
      t,
      pooled,
      memory,
      t === 0 ? ownLogits : undefined,
    );
    return { map, memory: answer.memory, logits: answer.logits, ownLogits };
  }
}

/** Without the encoders' own heads but the one that answers. */
function answering(costs: readonly LayerCost[], head?: 'global.head'): readonly LayerCost[] {
  return costs.filter(({ layer }) => layer === head || !/^(global|local)\.head$/.test(layer));
}
