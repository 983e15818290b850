/** Colour jitter: brightness, contrast, saturation and hue varied in a random order, as torchvision's `ColorJitter` does it with floats. */
import type { Random } from '../../random/index.js';
import { permutation } from '../../random/index.js';
import type { AugmentConfig } from './config.js';

/** Changes pixels, [height * width * channels] in [0, 1], in place. */
type Change = (pixels: Float32Array, channels: number, amount: number) => void;

type Strengths = Pick<AugmentConfig, 'brightness' | 'contrast' | 'saturation' | 'hue'>;

const names = ['brightness', 'contrast', 'saturation', 'hue'] as const;

/** Whether anything is varied. */
export function jitters(strengths: Strengths): boolean {
  return names.some(name => strengths[name] > 0);
}

/** Varies `pixels` in place; nothing is drawn for what has no strength. */
export function jitter(pixels: Float32Array, channels: number, strengths: Strengths, random: Random): void {
  const changes = names.filter(name => strengths[name] > 0);
  for (const i of permutation(random, changes.length)) {
    const name = changes[i] ?? 'hue';
    const stray = strengths[name] * (2 * random() - 1);
    colourChanges[name](pixels, channels, name === 'hue' ? stray : 1 + stray);
  }
}

const brightness: Change = (pixels, _, factor) => {
  for (let i = 0; i < pixels.length; i++) pixels[i] = clamp(factor * (pixels[i] ?? 0));
};

const contrast: Change = (pixels, channels, factor) => {
  let sum = 0;
  for (let i = 0; i < pixels.length; i += channels) sum += luma(pixels, i, channels);
  const mean = sum / (pixels.length / channels);
  for (let i = 0; i < pixels.length; i++) pixels[i] = clamp(mean + factor * ((pixels[i] ?? 0) - mean));
};

const saturation: Change = (pixels, channels, factor) => {
  if (channels !== 3) return;
  for (let i = 0; i < pixels.length; i += 3) {
    const grey = luma(pixels, i, 3);
    for (let c = i; c < i + 3; c++) pixels[c] = clamp(grey + factor * ((pixels[c] ?? 0) - grey));
  }
};

/** `turn`: part of the colour circle. */
const hue: Change = (pixels, channels, turn) => {
  if (channels !== 3) return;
  for (let i = 0; i < pixels.length; i += 3) {
    const [red, green, blue] = [pixels[i] ?? 0, pixels[i + 1] ?? 0, pixels[i + 2] ?? 0];
    const most = Math.max(red, green, blue);
    const chroma = most - Math.min(red, green, blue);
    if (chroma === 0) continue;
    const sixths = 6 * turn + sextant(red, green, blue, most, chroma);
    // Of one channel: how far below `most` it lies, by the distance of its own hue.
    const channel = (offset: number): number => {
      const k = (((offset + sixths) % 6) + 6) % 6;
      return most - chroma * Math.max(0, Math.min(k, 4 - k, 1));
    };
    pixels[i] = channel(5);
    pixels[i + 1] = channel(3);
    pixels[i + 2] = channel(1);
  }
};

/** The hue, in sixths of the colour circle. */
function sextant(red: number, green: number, blue: number, most: number, chroma: number): number {
  if (most === red) return (green - blue) / chroma;
  return most === green ? 2 + (blue - red) / chroma : 4 + (red - green) / chroma;
}

/** ITU-R BT.601, rounded as torchvision rounds it. */
function luma(pixels: Float32Array, at: number, channels: number): number {
  if (channels !== 3) return pixels[at] ?? 0;
  return 0.2989 * (pixels[at] ?? 0) + 0.587 * (pixels[at + 1] ?? 0) + 0.114 * (pixels[at + 2] ?? 0);
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

export const colourChanges = { brightness, contrast, saturation, hue };
