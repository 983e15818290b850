/** Stage 2: the policy learns where to look by proximal policy optimization (Schulman et al. 2017; paper, section 3.3). */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { allReduce } from '../src/engine/collectives.js';
import { compile } from '../src/engine/compile.js';
import type { Tensors } from '../src/engine/gradients.js';
import { differentiate, withoutGradient } from '../src/engine/gradients.js';
import type { Precision } from '../src/engine/precision.js';
import { threadsInAll } from '../src/engine/start.js';
import type { GFNet, Look } from '../src/model/gfnet.js';
import type { Scope } from '../src/nn/scope.js';
import { apply } from '../src/nn/scope.js';
import { entropy, logProbability } from '../src/policy/index.js';
import type { ClassifierBatch } from './classifier-step.js';
import { countCorrect, sample } from './classifier-step.js';
import type { AdamOptions, AdamState } from './optimizers.js';
import { adam, clipped } from './optimizers.js';
import { discountedReturns, normalise } from './returns.js';
import { jointMean, jointVariance, meanOverWorkers } from './shares.js';

export interface PolicyState {
  readonly parameters: Tensors;
  readonly adam: AdamState;
}

export interface PolicyOptions {
  /** Discount of later rewards. */
  readonly gamma: number;
  /** How far the ratio of new to old probability counts: within 1 +- clip. */
  readonly clip: number;
  readonly valueWeight: number;
  readonly entropyWeight: number;
  /** Updates made with each batch of experience. */
  readonly updates: number;
  /** Bound of the norm of all gradients together. */
  readonly maxNorm?: number | undefined;
  readonly adam: Omit<AdamOptions, 'rate'>;
  readonly precision?: Precision;
}

/** What acting on a batch showed; one element a decision (steps 2..T). */
export interface Experience {
  /** [n, h, w, c]: what the policy saw. */
  readonly maps: readonly Tensor4D[];
  /** [n, 2] */
  readonly actions: readonly Tensor2D[];
  /** [n] */
  readonly logProbabilities: readonly Tensor1D[];
  /** [n]: increase of the true class's probability. */
  readonly rewards: readonly Tensor1D[];
  /** [n, 2]: where the policy would look if it drew nothing. */
  readonly means: readonly Tensor2D[];
  /** [T] */
  readonly correct: Tensor1D;
}

/** Acts on a batch with actions drawn from the policy; everything in evaluation mode. */
export function rollOut(gfnet: GFNet, scope: Scope, { images, labels, draws }: ClassifierBatch): Experience {
  const { policy, classes } = gfnet.config;
  const n = images.shape[0];
  const target = tf.oneHot(labels, classes.length, 1, 0, 'float32');
  const trueProbability = ({ logits }: Look): Tensor1D => tf.sum(tf.mul(tf.softmax(logits), target), 1);
  const normalised = gfnet.normalise(images);
  let look = gfnet.glance(scope, normalised, gfnet.initialMemory(n));
  let hidden = gfnet.initialPolicy(n);
  let probability = trueProbability(look);
  const maps: Tensor4D[] = [];
  const actions: Tensor2D[] = [];
  const logProbabilities: Tensor1D[] = [];
  const rewards: Tensor1D[] = [];
  const means: Tensor2D[] = [];
  const correct = [countCorrect(look.logits, labels)];
  draws.forEach((noise, i) => {
    const decision = gfnet.decide(scope, look.map, hidden);
    const action = sample(decision.mean, noise, policy.std);
    maps.push(look.map);
    actions.push(action);
    means.push(decision.mean);
    logProbabilities.push(logProbability(action, decision.mean, policy.std));
    look = gfnet.focus(scope, i + 1, normalised, action, look.memory);
    hidden = decision.hidden;
    const next = trueProbability(look);
    rewards.push(tf.sub(next, probability));
    probability = next;
    correct.push(countCorrect(look.logits, labels));
  });
  return { maps, actions, logProbabilities, rewards, means, correct: tf.stack(correct) as Tensor1D };
}

/** Images that are enough for a thread. */
const smallestPart = 8;

/** `rollOut` of as many parts of the batch as the engine has threads: images do not wait for each other, as operations do. */
function rollOutInParts(gfnet: GFNet, scope: Scope, { images, labels, draws }: ClassifierBatch): Experience {
  const count = Math.max(1, Math.min(threadsInAll(), Math.floor(labels.size / smallestPart)));
  const starts = Array.from({ length: count + 1 }, (_, i) => Math.floor((i * labels.size) / count));
  const rows = <T extends Tensor>(tensor: T, part: number): T => {
    const [from = 0, to = 0] = starts.slice(part, part + 2);
    const rest = tensor.shape.slice(1);
    return tf.slice(tensor, [from, ...rest.map(() => 0)], [to - from, ...rest]);
  };
  const parts = starts.slice(1).map((_, i) => {
    const own = draws.map(draw => rows(draw, i));
    return rollOut(gfnet, scope, { images: rows(images, i), labels: rows(labels, i), draws: own });
  });
  const joined = <T extends Tensor>(of: (part: Experience) => readonly T[]): T[] =>
    draws.map((_, t) => tf.concat(parts.map(part => of(part)[t] as T)));
  return {
    maps: joined(part => part.maps),
    actions: joined(part => part.actions),
    logProbabilities: joined(part => part.logProbabilities),
    rewards: joined(part => part.rewards),
    means: joined(part => part.means),
    correct: tf.addN(parts.map(part => part.correct)),
  };
}

export interface SurrogateTerms {
  /** Mean squared error of the critic. */
  readonly valueLoss: Scalar;
  /** Share of decisions whose ratio was clipped. */
  readonly clipFraction: Scalar;
  /** 1 - Var(return - value) / Var(return): 1 is a perfect critic, 0 a constant one; 1 where all returns are the same. */
  readonly explainedVariance: Scalar;
}

/**
 * PPO's loss on a batch of experience, the policy's recurrent state replayed from zeros:
 * mean(-min(ratio A, clip(ratio) A) + valueWeight MSE(value, R) - entropyWeight entropy), A = R - value.
 * @param returns normalised, [(T - 1) n], step by step
 */
export function surrogate(
  gfnet: GFNet,
  scope: Scope,
  { maps, actions, logProbabilities }: Experience,
  returns: Tensor1D,
  { clip, valueWeight, entropyWeight }: PolicyOptions,
): { loss: Scalar; terms: SurrogateTerms } {
  const { std } = gfnet.config.policy;
  let hidden = gfnet.initialPolicy(maps[0]?.shape[0] ?? 0);
  const decisions = maps.map(map => {
    const decision = gfnet.decide(scope, map, hidden);
    hidden = decision.hidden;
    return decision;
  });
  const values = tf.concat(decisions.map(({ value }) => value));
  const ratios = tf.exp(
    tf.sub(
      tf.concat(decisions.map(({ mean }, i) => logProbability(actions[i] as Tensor2D, mean, std))),
      tf.concat([...logProbabilities]),
    ),
  );
  const advantages = withoutGradient(() => tf.sub(returns, values));
  const clipped = tf.clipByValue(ratios, 1 - clip, 1 + clip);
  const gain = tf.minimum(tf.mul(ratios, advantages), tf.mul(clipped, advantages));
  const valueLoss: Scalar = tf.mean(tf.square(tf.sub(values, returns)));
  const outside = tf.greater(tf.abs(tf.sub(ratios, 1)), clip);
  return {
    loss: tf.sub(tf.add(tf.neg(tf.mean(gain)), tf.mul(valueLoss, valueWeight)), entropyWeight * entropy(std)),
    terms: {
      valueLoss: jointMean(valueLoss),
      clipFraction: jointMean(tf.cast(outside, 'float32')),
      explainedVariance: tf.sub(
        1,
        tf.divNoNan(jointVariance(tf.sub(returns, values)), jointVariance(returns)),
      ),
    },
  };
}

export interface PolicyOutput {
  readonly state: PolicyState;
  readonly loss: Scalar;
  readonly terms: SurrogateTerms;
  /** Mean undiscounted return: how much the crops raised the true class's probability. */
  readonly gain: Scalar;
  /** Mean discounted return of the decisions, before it is normalised. */
  readonly meanReturn: Scalar;
  /** Standard deviation over the images of where the policy looks, mean over steps and axes, in units of the image. */
  readonly cropSpread: Scalar;
  readonly correct: Tensor1D;
  /** Of the last update's gradients before they are bounded, where they are. */
  readonly norm: { readonly gradientNorm?: Scalar };
}

interface PolicyFixed {
  readonly state: PolicyState;
  readonly parameters: Tensors;
  readonly statistics: Tensors;
  /** Learning rate. */
  readonly rate: Scalar;
}

/** One batch: act, then update the policy; f_G, f_L and f_C stay as they are. */
export function policyStep(gfnet: GFNet, options: PolicyOptions) {
  return compile(
    (fixed: PolicyFixed, batch: ClassifierBatch): PolicyOutput => {
      const { parameters, statistics, rate } = fixed;
      const within = <T>(policy: Tensors, network: (scope: Scope) => T): T =>
        apply({ parameters: { ...parameters, ...policy }, statistics }, false, network).result;
      const experience = within(fixed.state.parameters, scope => rollOutInParts(gfnet, scope, batch));
      const discounted = tf.concat(discountedReturns(experience.rewards, options.gamma));
      const returns = normalise(discounted);
      let state = fixed.state;
      let last: Pick<PolicyOutput, 'loss' | 'terms' | 'norm'> | undefined;
      for (let update = 0; update < options.updates; update++) {
        const {
          loss,
          gradients,
          auxiliary: terms,
        } = differentiate(state.parameters, policy => {
          const { loss, terms } = within(policy, scope =>
            surrogate(gfnet, scope, experience, returns, options),
          );
          return { loss, auxiliary: terms };
        });
        const bounded = clipped(meanOverWorkers(gradients), options.maxNorm);
        const next = adam(state.parameters, bounded.gradients, state.adam, { ...options.adam, rate });
        state = { parameters: next.parameters, adam: next.state };
        last = { loss: jointMean(loss), terms, norm: bounded.norm };
      }
      return {
        ...(last as Pick<PolicyOutput, 'loss' | 'terms' | 'norm'>),
        state,
        gain: jointMean(tf.div(tf.sum(tf.concat([...experience.rewards])), batch.images.shape[0])),
        meanReturn: jointMean(discounted),
        cropSpread: spreadOf(experience.means),
        correct: allReduce(experience.correct),
      };
    },
    { precision: options.precision ?? 'float32' },
  );
}

function spreadOf(means: readonly Tensor2D[]): Scalar {
  const deviations = means.map(mean => tf.sqrt(jointVariance(mean, 0))); // [2] each
  return tf.mean(tf.stack(deviations));
}
