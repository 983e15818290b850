/** Operations that move numbers without changing them. */
import type { Call, Translation } from '../call.js';
import { input, integersOf, outputShape, unknown } from '../call.js';
import type { Constant } from '../model.js';
import type { Chosen, Stored } from '../values.js';
import { inPlanes, known, permuted, sameShape, toPlanes } from '../values.js';

const ints = (...values: readonly number[]): Constant => ({
  shape: [values.length],
  values: Int32Array.from(values),
});

const reshape: Translation = call => {
  const value = input(call, 0);
  const shape = outputShape(call);
  if (value.kind === 'constant') return known({ ...value.constant, shape });
  const of = value.kind === 'view' ? value.of : value;
  if (sameShape(of.shape, shape)) return of;
  if (of.kind === 'stored') return { kind: 'view', of, shape };
  const name = call.writer.operand(of, 'rows') as string;
  return { kind: 'view', of: { kind: 'stored', name, shape: of.shape, layout: 'rows' }, shape };
};

const transpose: Translation = call => {
  const value = input(call, 0);
  const axes = integersOf(call, 1);
  if (value.kind === 'constant') return known(permuted(value.constant, axes));
  const planes = axes.length === 4;
  const perm = planes ? toPlanes.map(axis => axes[axis] ?? 0) : axes;
  const operands = [call.writer.operand(value, 'rows')];
  return call.writer.store(outputShape(call), planes ? 'planes' : 'rows', 'Transpose', operands, {
    perm: { ints: perm },
  });
};

const concat: Translation = call => {
  const values = call.inputs.slice(0, -1);
  const shape = outputShape(call);
  const [axis = 0] = integersOf(call, values.length);
  const planes = shape.length === 4 && values.some(inPlanes);
  const layout = planes ? 'planes' : 'rows';
  const place = (axis + shape.length) % shape.length;
  return call.writer.store(
    shape,
    layout,
    'Concat',
    values.map(value => call.writer.operand(value, layout)),
    { axis: { int: planes ? toPlanes.indexOf(place) : place } },
  );
};

const split: Translation = call => {
  const value = input(call, 0);
  const sizes = integersOf(call, 1);
  const [axis = 0] = integersOf(call, 2);
  if (value.shape.length === 4) throw unknown(call, 'of four dimensions');
  const names = call.writer.emit(
    'Split',
    [call.writer.operand(value, 'rows'), ints(...sizes)],
    { axis: { int: axis } },
    sizes.length,
  );
  return names.map((name, i) => ({ kind: 'stored', name, shape: call.shapes[i] ?? [], layout: 'rows' }));
};

/** Each image's own places along one axis: [n, ..., a, ...], [n, q] -> [n, ..., q, ...]. */
const gather: Translation = call => {
  const [value, places] = [input(call, 0), input(call, 1)];
  const [axis = 0] = integersOf(call, 2);
  if (call.attributes.get('batch_dims') !== 1 || places.shape.length !== 2)
    throw unknown(call, 'of other places');
  const between = value.shape.slice(1, axis);
  // [n, q] -> [n, 1, ..., q, 1], the same for all that lies between the image and the axis.
  const axes = [...between.map((_, i) => i + 1), axis + 1];
  const [column = ''] = call.writer.emit('Unsqueeze', [call.writer.operand(places, 'rows'), ints(...axes)]);
  const indices =
    between.length === 0
      ? column
      : (call.writer.emit('Expand', [column, ints(1, ...between, 1, 1)])[0] ?? '');
  if (axis === 1 && value.kind === 'stored' && value.chosen && value.layout === 'rows')
    return { ...gatherChosen(call, value.chosen, indices), ...(value.bytes && { bytes: value.bytes }) };
  const bytes = value.kind === 'stored' && value.bytes;
  const from = bytes ? value.name : call.writer.operand(value, 'rows');
  const along = { batch_dims: { int: axis } };
  const found = call.writer.store(outputShape(call), 'rows', 'GatherND', [from, indices], along);
  return bytes ? { ...found, bytes } : found;
};

/** The same along the first axis of an image, where only some images are meant: each place is found among all of them. */
function gatherChosen(call: Call, { from, rows }: Chosen, places: string): Stored {
  const { writer } = call;
  const [, count = 1] = outputShape(call);
  const [column = ''] = writer.emit('Unsqueeze', [rows, ints(1, 2)]);
  const [images = ''] = writer.emit('Expand', [column, ints(1, count, 1)]);
  const [indices = ''] = writer.emit('Concat', [images, places], { axis: { int: 2 } });
  return writer.store(outputShape(call), 'rows', 'GatherND', [from, indices]);
}

export const shapes: Readonly<Record<string, Translation>> = {
  Reshape: reshape,
  Transpose: transpose,
  ConcatV2: concat,
  SplitV: split,
  GatherV2: gather,
};
