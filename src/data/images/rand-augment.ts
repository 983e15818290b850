/** RandAugment (Cubuk et al. 2019, arXiv 1909.13719): a few operations in a row, each drawn from fourteen, all of one magnitude; as torchvision's. */
import type { Random } from '../../random/index.js';
import { integer } from '../../random/index.js';
import type { ImageShape } from '../dataset.js';
import { colourChanges } from './colour.js';
import type { RandAugmentConfig } from './config.js';

/** Changes pixels, [height * width * channels] in [0, 1], in place. */
type Operation = (pixels: Float32Array, shape: ImageShape, magnitude: number) => void;

/** Magnitudes are whole numbers from 0 to this. */
const greatestMagnitude = 30;

interface Choice {
  readonly operation: Operation;
  /** Of the operation, from that of RandAugment as a part (0 to 1) of the greatest. */
  readonly magnitude: (part: number, shape: ImageShape) => number;
  /** Whether the sign is drawn too. */
  readonly signed: boolean;
}

/** Of the longest translation: as many pixels for a side of so many, of which AutoAugment's images were. */
const [furthest, side] = [150, 331];

const choice = (operation: Operation, magnitude: Choice['magnitude'], signed = true): Choice => ({
  operation,
  magnitude,
  signed,
});
const blend = (part: number): number => 0.9 * part;
const none = (): number => 0;

/** In torchvision's order and with its names. */
export const operations = {
  Identity: choice(() => undefined, none, false),
  ShearX: choice(shearX, part => 0.3 * part),
  ShearY: choice(shearY, part => 0.3 * part),
  TranslateX: choice(translateX, (part, { width }) => (part * furthest * width) / side),
  TranslateY: choice(translateY, (part, { height }) => (part * furthest * height) / side),
  Rotate: choice(rotate, part => 30 * part),
  Brightness: choice((pixels, { channels }, m) => colourChanges.brightness(pixels, channels, 1 + m), blend),
  Color: choice((pixels, { channels }, m) => colourChanges.saturation(pixels, channels, 1 + m), blend),
  Contrast: choice((pixels, { channels }, m) => colourChanges.contrast(pixels, channels, 1 + m), blend),
  Sharpness: choice(sharpness, blend),
  Posterize: choice(posterize, part => 8 - Math.round(4 * part), false),
  Solarize: choice(solarize, part => 1 - part, false),
  AutoContrast: choice(autoContrast, none, false),
  Equalize: choice(equalize, none, false),
} satisfies Record<string, Choice>;

const choices: readonly Choice[] = Object.values(operations);

/** Varies `pixels` in place: for each operation its kind is drawn, and its sign where it has one. */
export function randAugment(
  pixels: Float32Array,
  shape: ImageShape,
  config: RandAugmentConfig,
  random: Random,
): void {
  for (let i = 0; i < config.operations; i++) {
    const { operation, magnitude, signed } = choices[integer(random, choices.length)] ?? operations.Identity;
    const amount = magnitude(config.magnitude / greatestMagnitude, shape);
    operation(pixels, shape, signed && random() >= 0.5 ? -amount : amount);
  }
}

/** Where each pixel comes from, [x, y] to [x, y]: pixels from the image's centre, to the right and down. */
type Inverse = (x: number, y: number) => readonly [number, number];

/** The nearest pixel; black where there is none. */
function warp(pixels: Float32Array, { height, width, channels }: ImageShape, inverse: Inverse): void {
  const before = pixels.slice();
  const [right, down] = [(width - 1) / 2, (height - 1) / 2];
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += channels) {
      const [fromX, fromY] = inverse(x - right, y - down);
      const [column, row] = [roundHalfToEven(fromX + right), roundHalfToEven(fromY + down)];
      const inside = column >= 0 && column < width && row >= 0 && row < height;
      const from = (row * width + column) * channels;
      for (let c = 0; c < channels; c++) pixels[to + c] = inside ? (before[from + c] ?? 0) : 0;
    }
  }
}

function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** The upper left corner stays. `slope`: pixels to the side a pixel down. */
function shearX(pixels: Float32Array, shape: ImageShape, slope: number): void {
  warp(pixels, shape, (x, y) => [x + slope * (y + shape.height / 2), y]);
}

function shearY(pixels: Float32Array, shape: ImageShape, slope: number): void {
  warp(pixels, shape, (x, y) => [x, y + slope * (x + shape.width / 2)]);
}

/** By whole pixels, towards nought. */
function translateX(pixels: Float32Array, shape: ImageShape, by: number): void {
  warp(pixels, shape, (x, y) => [x - Math.trunc(by), y]);
}

function translateY(pixels: Float32Array, shape: ImageShape, by: number): void {
  warp(pixels, shape, (x, y) => [x, y - Math.trunc(by)]);
}

/** Counterclockwise. */
function rotate(pixels: Float32Array, shape: ImageShape, degrees: number): void {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  warp(pixels, shape, (x, y) => [cos * x - sin * y, sin * x + cos * y]);
}

/** The image and its 3 x 3 blur, of which the middle weighs five of thirteen, further apart or closer; the border stays. */
function sharpness(pixels: Float32Array, { height, width, channels }: ImageShape, more: number): void {
  const before = pixels.slice();
  const line = width * channels;
  for (let row = 1; row < height - 1; row++) {
    for (let i = row * line + channels; i < (row + 1) * line - channels; i++) {
      const own = before[i] ?? 0;
      let sum = 4 * own;
      for (const down of [-line, 0, line]) {
        for (const right of [-channels, 0, channels]) sum += before[i + down + right] ?? 0;
      }
      const blurred = sum / 13;
      pixels[i] = Math.min(1, Math.max(0, blurred + (1 + more) * (own - blurred)));
    }
  }
}

/** So many bits are kept. */
function posterize(pixels: Float32Array, _: ImageShape, bits: number): void {
  const step = 2 ** (8 - bits);
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = (step * Math.floor(byteOf(pixels[i] ?? 0) / step)) / 255;
  }
}

/** What is as bright as `threshold` or brighter becomes its negative. */
function solarize(pixels: Float32Array, _: ImageShape, threshold: number): void {
  for (let i = 0; i < pixels.length; i++) {
    const value = pixels[i] ?? 0;
    if (value >= Math.fround(threshold)) pixels[i] = 1 - value;
  }
}

/** Of each channel the darkest becomes 0 and the brightest 1. */
function autoContrast(pixels: Float32Array, { channels }: ImageShape): void {
  for (let c = 0; c < channels; c++) {
    let [least, most] = [Infinity, -Infinity];
    for (let i = c; i < pixels.length; i += channels) {
      least = Math.min(least, pixels[i] ?? 0);
      most = Math.max(most, pixels[i] ?? 0);
    }
    if (least === most) continue;
    for (let i = c; i < pixels.length; i += channels) pixels[i] = ((pixels[i] ?? 0) - least) / (most - least);
  }
}

/** Of each channel the levels are spread so that each is about as frequent as any other. */
function equalize(pixels: Float32Array, { channels }: ImageShape): void {
  for (let c = 0; c < channels; c++) {
    const counts = new Int32Array(256);
    let last = 0;
    for (let i = c; i < pixels.length; i += channels) {
      const level = byteOf(pixels[i] ?? 0);
      counts[level] = (counts[level] ?? 0) + 1;
      last = Math.max(last, level);
    }
    const step = Math.floor((pixels.length / channels - (counts[last] ?? 0)) / 255);
    if (step === 0) continue;
    let below = 0;
    const spread = Float32Array.from(counts, count => {
      const level = Math.min(255, Math.floor((below + Math.floor(step / 2)) / step));
      below += count;
      return level / 255;
    });
    // What lies below the first level that occurs is never looked up.
    for (let i = c; i < pixels.length; i += channels) pixels[i] = spread[byteOf(pixels[i] ?? 0)] ?? 0;
  }
}

function byteOf(value: number): number {
  return Math.round(255 * value);
}
