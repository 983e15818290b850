/** What a tensor of the recorded graph has become: a constant, a named value, or a way to read one. */
import type { Constant, Size } from './model.js';

/** As the recorded graph has it: images are [n, h, w, c]. */
export type Shape = readonly Size[];

/** How a value of four dimensions lies in memory: [n, h, w, c], or [n, c, h, w] as ONNX's convolutions take it. */
export type Layout = 'rows' | 'planes';

/** What a node gives or the model takes. */
export interface Stored {
  readonly kind: 'stored';
  readonly name: string;
  readonly shape: Shape;
  readonly layout: Layout;
  /** Where these are chosen rows of something larger: its name, and that of their places in it. */
  readonly chosen?: Chosen;
  /** Whether it holds bytes, 255 for 1. */
  readonly bytes?: true;
}

export interface Chosen {
  readonly from: string;
  readonly rows: string;
}

interface Known {
  readonly kind: 'constant';
  readonly shape: Shape;
  readonly constant: Constant;
}

/** The same numbers in the same order under another shape. */
interface View {
  readonly kind: 'view';
  readonly of: Stored;
  readonly shape: Shape;
}

/** An image with something around it, for the windows of the operation that comes next. */
interface Bordered {
  readonly kind: 'bordered';
  readonly of: Stored;
  readonly shape: Shape;
  readonly border: Border;
  readonly fill: number;
}

/** Pixels before and after; fewer than none are cut off. */
export interface Border {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

export type Value = Stored | Known | View | Bordered;

export function known(constant: Constant): Known {
  return { kind: 'constant', shape: constant.shape, constant };
}

export function inPlanes(value: Value): boolean {
  return value.kind === 'stored' && value.layout === 'planes' && value.shape.length === 4;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** Whether rows and planes hold the numbers in one order: one channel, or one pixel. */
export function orderless([, height, width, channels]: Shape): boolean {
  return channels === 1 || (height === 1 && width === 1);
}

/** Where the axes of [n, h, w, c] are found in planes. */
export const toPlanes: readonly number[] = [0, 3, 1, 2];
export const toRows: readonly number[] = [0, 2, 3, 1];

/** The shape in memory. */
export function inMemory(shape: Shape, layout: Layout): Shape {
  return layout === 'planes' && shape.length === 4 ? toPlanes.map(axis => shape[axis] ?? 1) : shape;
}

/** A constant with its axes in another order. */
export function permuted({ shape, values }: Constant, axes: readonly number[]): Constant {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const target = axes.map(axis => shape[axis] ?? 1);
  const steps = axes.map(axis => strides[axis] ?? 1);
  const moved = values.slice();
  const place = target.map(() => 0);
  let from = 0;
  for (let to = 0; to < moved.length; to++) {
    moved[to] = values[from] ?? 0;
    for (let axis = target.length - 1; axis >= 0; axis--) {
      from += steps[axis] ?? 0;
      place[axis] = (place[axis] ?? 0) + 1;
      if (place[axis] !== target[axis]) break;
      from -= (steps[axis] ?? 0) * (target[axis] ?? 0);
      place[axis] = 0;
    }
  }
  return { shape: target, values: moved };
}
