/** The arithmetic of int8 on ONNX Runtime, against the same sums in whole numbers. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../../src/onnx/encode.js';
import type { Constant, OnnxModel } from '../../src/onnx/model.js';
import { gridOf, observing, quantise, quantisedValues, rangeNames } from '../../src/onnx/quantise.js';
import { normal, stream } from '../../src/random/index.js';

const [inner, outer, side, kernel] = [3, 4, 6, 3];
const draw = (name: string, ...shape: number[]): Constant => ({
  shape,
  values: Float32Array.from(
    normal(
      stream(1, name),
      shape.reduce((a, b) => a * b),
    ),
    (x, i) => x * (1 + (i % 5)),
  ),
});
const filter = draw('filter', outer, inner, kernel, kernel);
const bias = draw('bias', outer);
const pixels = draw('pixels', 1, inner, side, side);

/** A convolution with a border of one pixel, ReLU, and the mean of each channel through a matrix. */
const matrix = draw('matrix', outer, 2);
const row = draw('row', 1, 2);
const model: OnnxModel = {
  name: 'little',
  inputs: [{ name: 'images', shape: [1, inner, side, side] }],
  nodes: [
    {
      op: 'Conv',
      inputs: ['images', filter, bias],
      outputs: ['sum'],
      attributes: { kernel_shape: { ints: [kernel, kernel] }, pads: { ints: [1, 1, 1, 1] } },
    },
    { op: 'Relu', inputs: ['sum'], outputs: ['lit'], attributes: {} },
    { op: 'GlobalAveragePool', inputs: ['lit'], outputs: ['pooled'], attributes: {} },
    { op: 'Flatten', inputs: ['pooled'], outputs: ['features'], attributes: { axis: { int: 1 } } },
    { op: 'MatMul', inputs: ['features', matrix], outputs: ['product'], attributes: {} },
    { op: 'Add', inputs: ['product', row], outputs: ['logits'], attributes: {} },
    { op: 'Identity', inputs: ['lit'], outputs: ['map'], attributes: {} },
  ],
  outputs: [
    { name: 'map', shape: [1, outer, side, side] },
    { name: 'logits', shape: [1, 2] },
  ],
};

async function run(graph: OnnxModel): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(encodeModel(graph, '0', () => undefined));
  const given = await session.run({ images: new Tensor('float32', pixels.values, pixels.shape) });
  await session.release();
  return Object.fromEntries(Object.entries(given).map(([name, { data }]) => [name, data as Float32Array]));
}

/** Round half to even, as ONNX has it. */
function round(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

const byte = (value: number, { scale, zero }: { scale: number; zero: number }): number =>
  Math.min(255, Math.max(0, round(value / scale) + zero));

/** -127 to 127, by the largest of each output channel. */
function signed(values: number[]): { scale: number; bytes: number[] } {
  const scale = Math.fround(Math.max(...values.map(Math.abs)) / 127);
  return { scale, bytes: values.map(value => Math.round(value / scale)) };
}

describe('a quantised model', () => {
  it('is of what convolutions and products take and give, activations included', () => {
    expect(quantisedValues(model)).toEqual(['images', 'lit', 'features']);
  });

  it('leaves alone what is computed of pixels before the first convolution', () => {
    const resized: OnnxModel = {
      ...model,
      nodes: [
        { op: 'MatMul', inputs: ['images', draw('columns', side, side)], outputs: ['small'], attributes: {} },
      ],
    };
    expect(quantisedValues(resized)).toEqual([]);
  });

  it('is told the ranges of its values by the same model in float32', async () => {
    const given = await run(observing(model));
    const [least, most] = rangeNames(0);
    expect([given[least]?.[0], given[most]?.[0]]).toEqual([
      Math.min(...pixels.values),
      Math.max(...pixels.values),
    ]);
    const [, lit] = rangeNames(1);
    expect(given[lit]?.[0]).toBe(Math.max(...(given.map ?? [])));
  });

  it('gives what whole numbers give', async () => {
    const float32 = await run(observing(model));
    const ranges = [0, 1, 2].map(i => {
      const [min = NaN, max = NaN] = rangeNames(i).map(name => float32[name]?.[0]);
      return { min, max };
    });
    const given = await run(quantise(model, ranges));
    const [input, lit, features] = ranges.map(gridOf) as [
      ReturnType<typeof gridOf>,
      ReturnType<typeof gridOf>,
      ReturnType<typeof gridOf>,
    ];
    const q = Array.from(pixels.values, value => byte(value, input));
    const size = inner * kernel * kernel;
    const map: number[] = [];
    for (let o = 0; o < outer; o++) {
      const { scale, bytes } = signed(Array.from(filter.values.subarray(o * size, (o + 1) * size)));
      const offset = Math.round((bias.values[o] ?? NaN) / (scale * input.scale));
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          let sum = offset;
          for (let c = 0; c < inner; c++)
            for (let dy = 0; dy < kernel; dy++)
              for (let dx = 0; dx < kernel; dx++) {
                const [row, column] = [y + dy - 1, x + dx - 1];
                if (row < 0 || column < 0 || row >= side || column >= side) continue;
                const seen = (q[(c * side + row) * side + column] ?? NaN) - input.zero;
                sum += seen * (bytes[(c * kernel + dy) * kernel + dx] ?? NaN);
              }
          map.push((byte(Math.max(0, sum * scale * input.scale), lit) - lit.zero) * lit.scale);
        }
      }
    }
    expect(lit.zero).toBe(0);
    expect(given.map).toHaveLength(map.length);
    // Where a number lies half-way between two of the grid, rounding may go either way.
    const apart = map.map((value, i) => Math.abs(value - (given.map?.[i] ?? NaN)) / lit.scale);
    expect(Math.max(...apart)).toBeLessThan(1.001);
    expect(apart.filter(steps => steps > 0.001).length).toBeLessThan(0.02 * map.length);
    const means = Array.from({ length: outer }, (_, o) => {
      const own = given.map?.subarray(o * side * side, (o + 1) * side * side) ?? [];
      return byte(Array.from(own).reduce((a, b) => a + b, 0) / (side * side), features) - features.zero;
    });
    const columns = [0, 1].map(o => signed(means.map((_, i) => matrix.values[2 * i + o] ?? NaN)));
    const logits = columns.map(({ scale, bytes }, o) => {
      const offset = Math.round((row.values[o] ?? NaN) / (scale * features.scale));
      const sum = means.reduce((sum, mean, i) => sum + mean * (bytes[i] ?? NaN), offset);
      return sum * scale * features.scale;
    });
    const step = Math.max(...columns.map(({ scale }) => 127 * scale * features.scale));
    logits.forEach((logit, o) =>
      expect(Math.abs(logit - (given.logits?.[o] ?? NaN))).toBeLessThan(1.001 * step),
    );
    // Which is near to what float32 gives, and not the same.
    const error = Math.max(...map.map((value, i) => Math.abs(value - (float32.map?.[i] ?? NaN))));
    expect(error).toBeLessThan(0.05 * Math.max(...map));
    expect(error).toBeGreaterThan(0);
  });
});
