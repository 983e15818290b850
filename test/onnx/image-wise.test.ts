/** Work on images one by one, on ONNX Runtime, against the same work on all of them. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../../src/onnx/encode.js';
import { cut, shrinkOneByOne } from '../../src/onnx/image-wise.js';
import type { Attribute, Constant, OnnxModel, OnnxNode, Port } from '../../src/onnx/model.js';
import { integers } from '../../src/onnx/model.js';
import { stream, uniform } from '../../src/random/index.js';

const [count, side, channels] = [5, 150, 3];
const pixels = Uint8Array.from(
  uniform(stream(1, 'pixels'), count * side * side * channels),
  value => 256 * value,
);
const images = new Tensor('uint8', pixels, [count, side, side, channels]);
const port: Port = { name: 'images', shape: [-1, side, side, channels], type: 'uint8' };

const node = (
  op: string,
  inputs: OnnxNode['inputs'],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): OnnxNode => ({ op, inputs, outputs: [output], attributes });

async function run(model: OnnxModel, feeds: Readonly<Record<string, Tensor>>): Promise<Tensor> {
  const session = await InferenceSession.create(encodeModel(model, '0', () => undefined));
  const { result } = await session.run(feeds);
  await session.release();
  return result as Tensor;
}

it('cuts a patch from each image that is chosen', async () => {
  const patch = 5;
  const corners = [
    [3, 0, 0],
    [0, 145, 145],
    [3, 2, 96],
    [4, 145, 0],
  ];
  const model: OnnxModel = {
    name: 'cut',
    inputs: [port, { name: 'corners', shape: [-1, 3], type: 'int64', rows: 'patches' }],
    nodes: [cut('images', 'corners', { name: 'result', shape: [patch, patch, channels], type: 'uint8' })],
    outputs: [{ name: 'result', shape: [-1, patch, patch, channels], type: 'uint8', rows: 'patches' }],
  };
  const places = BigInt64Array.from(corners.flat(), BigInt);
  const given = await run(model, {
    images,
    corners: new Tensor('int64', places, [corners.length, 3]),
  });
  expect(given.dims).toEqual([corners.length, patch, patch, channels]);
  const expected = corners.flatMap(([image = 0, top = 0, left = 0]) =>
    Array.from({ length: patch }, (_, row) => {
      const from = ((image * side + top + row) * side + left) * channels;
      return [...pixels.subarray(from, from + patch * channels)];
    }).flat(),
  );
  expect([...(given.data as Uint8Array)]).toEqual(expected);
});

describe('images that are made smaller', () => {
  /** Four rows, and four weighted sums of their columns. */
  const matrix: Constant = { shape: [side, 4], values: uniform(stream(1, 'matrix'), 4 * side) };
  const shrinking = [
    node('Gather', ['images', integers(0, 30, 60, 149)], 'rows', { axis: { int: 1 } }),
    node('Cast', ['rows'], 'numbers', { to: { int: 1 } }),
    node('Transpose', ['numbers'], 'planes', { perm: { ints: [0, 3, 1, 2] } }),
    node('Reshape', ['planes', integers(-1, side)], 'lines'),
    node('MatMul', ['lines', matrix], 'short'),
    node('Reshape', ['short', integers(-1, channels, 4, 4)], 'small'),
    node('Sub', ['small', { shape: [], values: Float32Array.of(1) }], 'shrunk'),
  ];
  const convolution = node(
    'Conv',
    ['shrunk', { shape: [2, channels, 1, 1], values: uniform(stream(1, 'filter'), 2 * channels) }],
    'result',
    { kernel_shape: { ints: [1, 1] } },
  );
  const nodes = [...shrinking, convolution];
  /** The same of what `others` stands for. */
  const ofOthers = nodes.map(each => ({
    ...each,
    inputs: each.inputs.map(input => (input === 'images' ? 'others' : input)),
  }));
  const shapeOf = (name: string): readonly number[] | undefined =>
    name === 'shrunk' ? [-1, channels, 4, 4] : undefined;
  const modelOf = (all: readonly OnnxNode[]): OnnxModel => ({
    name: 'shrink',
    inputs: [port],
    nodes: all,
    outputs: [{ name: 'result', shape: [-1, 2, 4, 4] }],
  });

  it('are so one by one, with the same result', async () => {
    const one = shrinkOneByOne(nodes, port, shapeOf);
    expect(one.map(({ op }) => op)).toEqual(['Scan', 'Conv']);
    const [expected, given] = [await run(modelOf(nodes), { images }), await run(modelOf(one), { images })];
    expect(given.dims).toEqual([count, 2, 4, 4]);
    const values = expected.data as Float32Array;
    (given.data as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(values[i] ?? NaN, 2));
    expect(new Set(values).size).toBeGreaterThan(100);
  });

  it('stay together where they are small', () => {
    const small = { ...port, shape: [-1, 60, 60, 1] };
    expect(shrinkOneByOne(nodes, small, shapeOf)).toEqual(nodes);
  });

  it.each<[string, readonly OnnxNode[]]>([
    ['only moves numbers', [...shrinking.slice(0, 3), node('Identity', ['planes'], 'shrunk'), convolution]],
    ['gives two things', [...nodes, node('Identity', ['planes'], 'other')]],
    [
      'mixes images',
      [node('Gather', ['images', integers(1, 0)], 'others', { axis: { int: 0 } }), ...ofOthers],
    ],
    [
      'turns images round',
      [node('Transpose', ['images'], 'others', { perm: { ints: [1, 0, 2, 3] } }), ...ofOthers],
    ],
    [
      'is of no known size',
      nodes.map(each => (each === convolution ? node('Conv', ['small'], 'result') : each)),
    ],
  ])('stay together where what is done with them %s', (_, others) => {
    expect(shrinkOneByOne(others, port, shapeOf)).toEqual(others);
  });
});
