/**
 * Work that is done with each image by itself as a Scan over images: the numbers of one image stay in the caches, where those of a batch
 * do not fit, and a patch is a Slice, which copies whole rows, where GatherND goes from pixel to pixel.
 */
import type { OnnxModel, OnnxNode, Port } from './model.js';
import { integers } from './model.js';

/** What a body gives for each along the first axis of `input`. */
function scan(input: string, body: OnnxModel, output: string): OnnxNode {
  const attributes = { body: { graph: body }, num_scan_inputs: { int: 1 } };
  return { op: 'Scan', inputs: [input], outputs: [output], attributes };
}

/**
 * Cuts a patch from each image.
 * @param images [images, side, side, c], bytes or not
 * @param corners [n, 3], integers: which image, row and column of the patch's first pixel
 * @param patch what it gives: its name, and [patch, patch, c]
 */
export function cut(images: string, corners: string, patch: Port): OnnxNode {
  const { name, shape } = patch;
  const [height = 1, width = 1] = shape;
  const part = (what: string): string => `${name}.${what}`;
  const node = (op: string, inputs: OnnxNode['inputs'], output: string): OnnxNode => ({
    op,
    inputs,
    outputs: [output],
    attributes: {},
  });
  const body: OnnxModel = {
    name: part('cut'),
    nodes: [
      node('Add', [part('corner'), integers(1, height, width)], part('end')),
      node('Slice', [images, part('corner'), part('end'), integers(0, 1, 2)], part('slice')),
      node('Squeeze', [part('slice'), integers(0)], part('one')),
    ],
    inputs: [{ name: part('corner'), shape: [3], type: 'int64' }],
    outputs: [{ ...patch, name: part('one') }],
  };
  return scan(corners, body, name);
}

const pixelWise = new Set(['Cast', 'Reshape', 'MatMul', 'Add', 'Sub', 'Mul', 'Div']);

/** Whether a node keeps images, of which it has no better use for many than for one, in order along the first axis. */
function isImageWise({ op, attributes }: OnnxNode): boolean {
  const { axis, perm } = attributes;
  if (op === 'Transpose') return perm !== undefined && 'ints' in perm && perm.ints[0] === 0;
  if (op === 'Gather') return axis !== undefined && 'int' in axis && axis.int > 0;
  return pixelWise.has(op);
}

/** Bytes of an image from which it pays: at 60 x 60 a Scan costs a glance 2 to 6 % of its time, at 224 x 224 x 3 it saves 3 to 5. */
const leastBytes = 2 ** 16;

/**
 * The nodes with those that make networks' input of `images`, and of nothing else, in one Scan; as they were where images are small, or not resized.
 * @param shapeOf of a value [n, ...] by its name, where that is known
 */
export function shrinkOneByOne(
  nodes: readonly OnnxNode[],
  images: Port,
  shapeOf: (name: string) => Port['shape'] | undefined,
): readonly OnnxNode[] {
  const sizes = images.shape.slice(1);
  if (sizes.reduce((product, size) => product * size, 1) < leastBytes) return nodes;
  const made = new Set([images.name]);
  const inside = nodes.filter(node => {
    const named = node.inputs.filter(input => typeof input === 'string');
    const own = isImageWise(node) && named.length > 0 && named.every(name => made.has(name));
    if (own) for (const output of node.outputs) made.add(output);
    return own;
  });
  const rest = nodes.filter(node => !inside.includes(node));
  const given = [...new Set(rest.flatMap(({ inputs }) => inputs))].filter(
    (input): input is string => typeof input === 'string' && made.has(input),
  );
  const [result] = given;
  const shape = result === undefined ? undefined : shapeOf(result);
  const resizes = inside.some(({ op }) => op === 'MatMul');
  if (!resizes || given.length !== 1 || result === undefined || !shape) return nodes;
  const [whole, one] = [`${images.name}.alone`, `${result}.one`];
  const body: OnnxModel = {
    name: `${result}.shrink`,
    nodes: [
      { op: 'Unsqueeze', inputs: [`${images.name}.one`, integers(0)], outputs: [whole], attributes: {} },
      ...inside.map(node => ({
        ...node,
        inputs: node.inputs.map(input => (input === images.name ? whole : input)),
        outputs: node.outputs.map(output => (output === result ? `${result}.alone` : output)),
      })),
      { op: 'Squeeze', inputs: [`${result}.alone`, integers(0)], outputs: [one], attributes: {} },
    ],
    inputs: [{ ...images, name: `${images.name}.one`, shape: sizes }],
    outputs: [{ name: one, shape: shape.slice(1) }],
  };
  return [scan(images.name, body, result), ...rest];
}
