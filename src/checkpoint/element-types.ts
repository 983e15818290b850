/** The element types of foreign files, under safetensors' names, and how each becomes float32 or int32. */
import { CheckpointError } from '../errors/index.js';
import { pieceBytes, type ByteSource } from './byte-source.js';
import type { MemoryBudget } from './memory-budget.js';
import { elements, rowMajorStrides, type TensorData } from './tensor-data.js';

interface ElementType {
  /** The size of an element. */
  readonly bytes: number;
  /** What it becomes. */
  readonly dtype: TensorData['dtype'];
  /** Whether the bytes stay as they are. */
  readonly kept?: true;
  /** The number, little-endian, that begins at byte `at`. */
  readonly read: (view: DataView, at: number) => number;
}

export const elementTypes = {
  F64: { bytes: 8, dtype: 'float32', read: (view, at) => view.getFloat64(at, true) },
  F32: { bytes: 4, dtype: 'float32', kept: true, read: (view, at) => view.getFloat32(at, true) },
  F16: { bytes: 2, dtype: 'float32', read: (view, at) => half(view.getUint16(at, true)) },
  BF16: { bytes: 2, dtype: 'float32', read: (view, at) => brainFloat(view.getUint16(at, true)) },
  // Exact up to 2^53, and beyond it never near an int32.
  I64: {
    bytes: 8,
    dtype: 'int32',
    read: (view, at) => view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true),
  },
  I32: { bytes: 4, dtype: 'int32', kept: true, read: (view, at) => view.getInt32(at, true) },
  I16: { bytes: 2, dtype: 'int32', read: (view, at) => view.getInt16(at, true) },
  I8: { bytes: 1, dtype: 'int32', read: (view, at) => view.getInt8(at) },
  U8: { bytes: 1, dtype: 'int32', read: (view, at) => view.getUint8(at) },
  BOOL: { bytes: 1, dtype: 'int32', read: (view, at) => Number(view.getUint8(at) !== 0) },
} as const satisfies Record<string, ElementType>;

export type ElementTypeName = keyof typeof elementTypes;

/** Where the elements of a tensor lie in memory; offset and strides are counted in elements. */
export interface Layout {
  readonly shape: readonly number[];
  readonly offset: number;
  readonly strides: readonly number[];
}

/**
 * The tensor that lies in `source`, in row-major memory of its own; a piece of the source is in memory at a time.
 *
 * @param layout none of whose elements is beyond `source`
 * @throws CheckpointError where a value is beyond the range of float32 or int32, or memory is beyond the budget
 */
export function readElements(
  name: ElementTypeName,
  source: ByteSource,
  layout: Layout,
  budget: MemoryBudget,
): TensorData {
  const { shape, offset } = layout;
  const type: ElementType = elementTypes[name];
  const count = elements(shape);
  budget.take(4 * count);
  const values = type.dtype === 'float32' ? new Float32Array(count) : new Int32Array(count);
  if (type.kept && isRowMajor(layout)) {
    source.copy(new Uint8Array(values.buffer), offset * type.bytes);
  } else if (count > 0) {
    const size = windowBytes(type.bytes, layout);
    budget.lend(size, () => convert(name, new Window(source, size), layout, values));
  }
  return values instanceof Float32Array
    ? { dtype: 'float32', shape, values }
    : { dtype: 'int32', shape, values };
}

/** Strides along axes of one element say nothing. */
function isRowMajor({ shape, strides }: Layout): boolean {
  return rowMajorStrides(shape).every((stride, axis) => shape[axis] === 1 || strides[axis] === stride);
}

/** Of a tensor that is not empty. Few elements far from each other are not worth all that lies between. */
function windowBytes(size: number, { shape, strides }: Layout): number {
  const extent = shape.reduce((sum, side, axis) => sum + (side - 1) * (strides[axis] ?? 0), 1);
  return Math.min(pieceBytes, extent * size, Math.max(2 ** 12, elements(shape) * size));
}

/** The part of a source that is in memory, which follows what is asked for. */
class Window {
  readonly view: DataView;
  readonly #memory: Uint8Array;
  #begin = 0;
  #end = 0;

  constructor(
    readonly source: ByteSource,
    size: number,
  ) {
    this.#memory = new Uint8Array(size);
    this.view = new DataView(this.#memory.buffer);
  }

  /** Where in `view` the `size` bytes stand that begin at byte `at`. */
  find(at: number, size: number): number {
    if (at < this.#begin || at + size > this.#end) {
      const piece = this.#memory.subarray(0, this.source.length - at);
      this.source.copy(piece, at);
      this.#begin = at;
      this.#end = at + piece.length;
    }
    return at - this.#begin;
  }
}

function convert(
  name: ElementTypeName,
  window: Window,
  layout: Layout,
  values: Float32Array | Int32Array,
): void {
  const { bytes: size, dtype, read }: ElementType = elementTypes[name];
  const walk = new LayoutWalk(layout);
  for (let left = values.length; left > 0; left--) {
    const given = read(window.view, window.find(walk.position * size, size));
    values[walk.index] = given;
    const stored = values[walk.index];
    const fits = dtype === 'int32' ? stored === given : Number.isFinite(stored) === Number.isFinite(given);
    if (!fits) {
      throw new CheckpointError({
        problem: `a tensor of ${name} holds a number beyond the range of ${dtype}`,
        given: String(given),
      });
    }
    walk.next();
  }
}

/** Goes through the elements of a layout, as far as it can in the order in which they lie. */
class LayoutWalk {
  /** Where in memory the element is, in elements. */
  position: number;
  /** Which element it is, in row-major order. */
  index = 0;
  readonly #axes: { readonly side: number; readonly stride: number; readonly step: number; done: number }[];

  constructor({ shape, offset, strides }: Layout) {
    this.position = offset;
    const steps = rowMajorStrides(shape);
    // Without axes of one element a step takes constant time on average, whatever the rank.
    this.#axes = shape
      .map((side, axis) => ({ side, stride: strides[axis] ?? 0, step: steps[axis] ?? 0, done: 0 }))
      .filter(({ side }) => side !== 1)
      .sort((a, b) => a.stride - b.stride);
  }

  next(): void {
    for (const axis of this.#axes) {
      this.position += axis.stride;
      this.index += axis.step;
      if (++axis.done < axis.side) return;
      this.position -= axis.side * axis.stride;
      this.index -= axis.side * axis.step;
      axis.done = 0;
    }
  }
}

const scratch = new DataView(new ArrayBuffer(4));

/** The number whose float16 has these bits: 1 of sign, 5 of exponent, 10 of fraction. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15, (bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return (sign ? -fraction : fraction) * 2 ** -24;
  // A float32 has 112 more in its exponent, and its greatest, which is of infinity and NaN, is 255.
  const wide = exponent === 31 ? 255 : exponent + 112;
  scratch.setUint32(0, (sign << 31) | (wide << 23) | (fraction << 13));
  return scratch.getFloat32(0);
}

/** A bfloat16 is the upper half of a float32. */
function brainFloat(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}
