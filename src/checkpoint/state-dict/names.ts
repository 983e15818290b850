/** Under which names and in which layouts PyTorch's state dicts keep what a network here keeps. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { pytorch } from '../../nn/layers.js';
import type { PolicyConfig } from '../../policy/index.js';
import { inTorchvision, isMobileNet, letter, mobileNetEpsilon } from './torchvision.js';

/** Where a variable of ours may stand in a state dict. */
interface Counterpart {
  readonly name: string;
  /** Its shape there. */
  readonly shape: readonly number[];
  /** From there to ours. */
  readonly convert: (theirs: Tensor) => Tensor;
}

/** What the layer after an encoder is called. */
export const heads = ['fc', 'classifier', 'head.fc', '_fc', 'classifier.1', 'classifier.3'];

/** The first of them that is there counts. */
export type FindCounterparts = (name: string, shape: readonly number[]) => readonly Counterpart[];

/** Filters [out, in, h, w] -> [h, w, in, out], of depthwise convolutions [c, 1, h, w] -> [h, w, c, 1]; matrices [out, in] -> [in, out]. */
function counterpart(name: string, shape: readonly number[]): Counterpart {
  const axes = { 4: shape[3] === 1 ? [2, 3, 0, 1] : [2, 3, 1, 0], 2: [1, 0] }[shape.length] ?? [0];
  return {
    name,
    shape: axes.map((_, axis) => shape[axes.indexOf(axis)] ?? NaN),
    convert: theirs => tf.transpose(theirs, axes),
  };
}

/** A linear layer over a flattened feature map: [out, c h w] -> [h w c, out]. */
function afterFlattening(
  name: string,
  [width = NaN, out = NaN]: readonly number[],
  places: number,
): Counterpart {
  const convert = (theirs: Tensor): Tensor =>
    tf.reshape(tf.transpose(tf.reshape(theirs, [out, -1, places]), [2, 1, 0]), [width, out]);
  return { name, shape: [out, width], convert };
}

/**
 * An encoder and its head: ours are named as timm's and torchvision's ResNets and DenseNets; pycls' RegNets, torchvision's other networks
 * and first DenseNets, and the EfficientNet-Lite0 of the package `efficientnet_lite_pytorch` differ. The latter's weights are TensorFlow's,
 * and no other network's.
 *
 * @param network the encoder's name
 */
export const ofEncoder =
  (network: string): FindCounterparts =>
  (name, shape) => {
    const head = /^head\.(weight|bias)$/.exec(name)?.[1];
    if (head !== undefined) return heads.map(layer => counterpart(`${layer}.${head}`, shape));
    const lite = network === 'tf_efficientnet_lite0' ? [inEfficientNetLite(name)] : [];
    const names = new Set([name, inPycls(name), inFirstDenseNets(name), ...lite]);
    return [
      ...[...names].map(theirs => counterpart(theirs, shape)),
      ...inTorchvision(network, name).map(theirs => ofTorchvision(network, theirs, shape)),
    ];
  };

/** Its MobileNets' last convolution is a linear layer, and their batch norms add more to a variance than ours: that becomes part of it. */
function ofTorchvision(network: string, name: string, shape: readonly number[]): Counterpart {
  if (!isMobileNet(network)) return counterpart(name, shape);
  const [, , width = NaN, out = NaN] = shape;
  if (name === 'classifier.0.weight') {
    return {
      name,
      shape: [out, width],
      convert: theirs => tf.reshape(tf.transpose(theirs), [1, 1, width, out]),
    };
  }
  if (!name.endsWith('.running_var')) return counterpart(name, shape);
  return { name, shape, convert: theirs => tf.add(theirs, mobileNetEpsilon - pytorch.epsilon) };
}

function inPycls(name: string): string {
  return name
    .replace(/\.conv([123])\.conv\./, (_, index: string) => `.f.${letter(index)}.`)
    .replace(/\.conv([123])\.bn\./, (_, index: string) => `.f.${letter(index)}_bn.`)
    .replace(/\.se\.fc([12])\./, (_, index: string) => `.f.se.f_ex.${2 * Number(index) - 2}.`)
    .replace('.downsample.conv.', '.proj.')
    .replace('.downsample.bn.', '.bn.');
}

/**
 * Counts blocks through all stages and batch norms from 0; what expands is no pointwise one. Squeeze and excitation is left out on
 * purpose: the kin of Lite0 that have it pad as TensorFlow does, and no network here would answer what they answer.
 */
function inEfficientNetLite(name: string): string {
  const first = [0, 1, 3, 5, 8, 11, 15];
  const normal = (rest: string, before: number): string =>
    rest.replace(/^bn(\d)/, (_, index: string) => `_bn${Number(index) - before}`);
  const [, stage, block, layer = ''] = /^blocks\.(\d)\.(\d)\.(.*)$/.exec(name) ?? [];
  if (stage === undefined) return normal(name, 1).replace(/^conv_/, '_conv_');
  const expands = stage !== '0';
  const own = normal(layer, expands ? 1 : 0)
    .replace(/^conv_dw/, '_depthwise_conv')
    .replace(/^conv_pwl/, '_project_conv')
    .replace(/^conv_pw/, expands ? '_expand_conv' : '_project_conv');
  return `_blocks.${(first[Number(stage)] ?? NaN) + Number(block)}.${own}`;
}

function inFirstDenseNets(name: string): string {
  return name.replace(/(denselayer\d+\.(?:norm|conv))([12])\./, '$1.$2.');
}

/** The reference's `Full_layer`. Its layer for t patches is fc_t; ours count from the glance, which is 0. */
export const ofClassifier: FindCounterparts = (name, shape) => {
  const theirs = name
    .replace(/^gru\.(.*)$/, 'rnn.$1_l0')
    .replace(/^fc\.(\d+)\./, (_, t: string) => `fc_${Number(t) + 1}.`);
  return [counterpart(theirs, shape)];
};

/** The layers of the reference's policy, and whether one reads the flattened feature map. */
const policyLayers: Readonly<
  Record<PolicyConfig['encoder'], Readonly<Record<string, [string, 'flattened'?]>>>
> = {
  conv: { 'state.conv': ['state_encoder.0'], 'state.fc': ['state_encoder.3', 'flattened'] },
  linear: { 'state.wide': ['state_encoder.0', 'flattened'], 'state.fc': ['state_encoder.2'] },
};

/** The reference's `ActorCritic`, which reads feature maps of `places` = h w pixels. */
export const ofPolicy =
  ({ encoder }: PolicyConfig, places: number): FindCounterparts =>
  (name, shape) => {
    const [, layer = '', rest = ''] = /^(.+)\.(\w+)$/.exec(name) ?? [];
    if (layer === 'gru') return [counterpart(`gru.${rest}_l0`, shape)];
    const [theirs, flattened] = policyLayers[encoder][layer] ?? [`${layer}.0`];
    const found = `${theirs}.${rest}`;
    return [
      flattened && shape.length === 2 ? afterFlattening(found, shape, places) : counterpart(found, shape),
    ];
  };
