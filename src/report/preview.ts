/** An image in the terminal, with the places that were looked at. */
import type { Box } from '../crop/box.js';
import type { ImageShape } from '../data/dataset.js';
import { fit } from '../data/resample.js';
import { stepColor } from './colors.js';

type Rgb = readonly [number, number, number];

/** A point of the picture: its colour, or the step (from 2) of the box whose border runs through it. */
type Point = Rgb | number;

export interface PreviewOptions {
  /** Characters in a line. */
  readonly columns: number;
  /** Whether the terminal shows 24-bit colours; without them shades are characters, and borders the numbers of their steps. */
  readonly color: boolean;
}

/** From dark to bright. */
const shades = ' .:-=+*#%@';

/**
 * The image in `columns` characters a line, each two points high in colour and one otherwise: lines that end in line breaks.
 * @param pixels [height, width, channels]
 * @param boxes of the looks after the glance, the later over the earlier
 */
export function preview(
  pixels: Uint8Array,
  shape: ImageShape,
  boxes: readonly Box[],
  { columns, color }: PreviewOptions,
): string {
  const width = Math.min(columns, shape.width);
  // Characters are twice as high as they are wide.
  const height = Math.max(2, 2 * Math.round((width * shape.height) / shape.width / 2));
  const points = pointsOf(pixels, shape, width, height);
  const scale = width / shape.width;
  boxes.forEach((box, i) => border(points, width, height, box, scale, i + 2));
  const lines = Array.from({ length: height / 2 }, (_, line) => {
    const [upper, lower] = [0, 1].map(half => points.slice((2 * line + half) * width).slice(0, width));
    return color ? colored(upper ?? [], lower ?? []) : plain(upper ?? [], lower ?? []);
  });
  return `${lines.join('\n')}\n`;
}

function pointsOf(pixels: Uint8Array, shape: ImageShape, width: number, height: number): Point[] {
  const size = { width, height };
  const small = fit(pixels, shape, { cover: size, crop: size, interpolation: 'bilinear' });
  const { channels } = shape;
  return Array.from({ length: width * height }, (_, i): Point => {
    const level = (channel: number): number => small[i * channels + Math.min(channel, channels - 1)] ?? 0;
    return [level(0), level(1), level(2)];
  });
}

function border(
  points: Point[],
  width: number,
  height: number,
  { row, column, size }: Box,
  scale: number,
  step: number,
): void {
  const within = (at: number, length: number): number => Math.min(length - 1, Math.round(at * scale));
  const [top, bottom] = [within(row, height), within(row + size - 1, height)];
  const [left, right] = [within(column, width), within(column + size - 1, width)];
  for (let x = left; x <= right; x++) points[top * width + x] = points[bottom * width + x] = step;
  for (let y = top; y <= bottom; y++) points[y * width + left] = points[y * width + right] = step;
}

function colored(upper: readonly Point[], lower: readonly Point[]): string {
  const code = (point: Point): string => bytesOf(point).join(';');
  const cells = upper.map((point, x) => `\x1b[38;2;${code(point)};48;2;${code(lower[x] ?? point)}m▀`);
  return `${cells.join('')}\x1b[0m`;
}

function plain(upper: readonly Point[], lower: readonly Point[]): string {
  return upper
    .map((point, x) => {
      const below = lower[x] ?? point;
      const border = [point, below].find(one => typeof one === 'number');
      if (border !== undefined) return String(border);
      const level = [...bytesOf(point), ...bytesOf(below)].reduce((sum, byte) => sum + byte, 0) / 6 / 256;
      return shades[Math.floor(level * shades.length)] ?? ' ';
    })
    .join('');
}

function bytesOf(point: Point): number[] {
  if (typeof point !== 'number') return [...point];
  const hex = stepColor(point);
  return [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
}
