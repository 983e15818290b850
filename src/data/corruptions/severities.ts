/**
 * How strong each corruption is at severities 1 to 5: the constants of ImageNet-C for images of 224 pixels and of CIFAR-10-C for small ones
 * (Hendrycks and Dietterich 2019; their code, github.com/hendrycks/robustness). Translation is ours: shares of the side.
 */

/** One value for each severity. */
type Severities<T> = readonly [T, T, T, T, T];

export interface Constants {
  /** Standard deviation of the noise. */
  readonly 'gaussian noise': Severities<number>;
  /** Photons of a white pixel. */
  readonly 'shot noise': Severities<number>;
  /** Share of values replaced by black or white. */
  readonly 'impulse noise': Severities<number>;
  /** Radius of the disk and softness of its edge, in pixels. */
  readonly 'defocus blur': Severities<readonly [radius: number, softness: number]>;
  /** In pixels. */
  readonly 'motion blur': Severities<readonly [radius: number, sigma: number]>;
  /** Added to the value of HSV. */
  readonly brightness: Severities<number>;
  /** What is left of the distance from the mean. */
  readonly contrast: Severities<number>;
  /** Quality. */
  readonly jpeg: Severities<number>;
  /** Distance as a share of the side. */
  readonly translation: Severities<number>;
}

export type CorruptionName = keyof Constants;

const translation = [0.02, 0.04, 0.06, 0.08, 0.1] as const;

const imageNet: Constants = {
  'gaussian noise': [0.08, 0.12, 0.18, 0.26, 0.38],
  'shot noise': [60, 25, 12, 5, 3],
  'impulse noise': [0.03, 0.06, 0.09, 0.17, 0.27],
  'defocus blur': [
    [3, 0.1],
    [4, 0.5],
    [6, 0.5],
    [8, 0.5],
    [10, 0.5],
  ],
  'motion blur': [
    [10, 3],
    [15, 5],
    [15, 8],
    [15, 12],
    [20, 15],
  ],
  brightness: [0.1, 0.2, 0.3, 0.4, 0.5],
  contrast: [0.4, 0.3, 0.2, 0.1, 0.05],
  jpeg: [25, 18, 15, 10, 7],
  translation,
};

const cifar: Constants = {
  'gaussian noise': [0.04, 0.06, 0.08, 0.09, 0.1],
  'shot noise': [500, 250, 100, 75, 50],
  'impulse noise': [0.01, 0.02, 0.03, 0.05, 0.07],
  'defocus blur': [
    [0.3, 0.4],
    [0.4, 0.5],
    [0.5, 0.6],
    [1, 0.2],
    [1.5, 0.1],
  ],
  'motion blur': [
    [6, 1],
    [6, 1.5],
    [6, 2],
    [8, 2],
    [9, 2.5],
  ],
  brightness: [0.05, 0.1, 0.15, 0.2, 0.3],
  contrast: [0.75, 0.5, 0.4, 0.3, 0.15],
  jpeg: [80, 65, 58, 50, 40],
  translation,
};

/** From this side on, in pixels, images are corrupted as ImageNet's. */
const largeSide = 128;

/** Those for images of `side` pixels, and whose they are. */
export function constantsFor(side: number): { readonly from: string; readonly constants: Constants } {
  return side < largeSide
    ? { from: 'CIFAR-10-C', constants: cifar }
    : { from: 'ImageNet-C', constants: imageNet };
}
