/** Operations that move numbers without changing them. */
import type { Call, Translation } from '../call.js';
import { input, integersOf, outputShape, unknown } from '../call.js';
import { cut } from '../image-wise.js';
import type { Constant } from '../model.js';
import { integers } from '../model.js';
import type { Chosen, Stored, Value } from '../values.js';
import { inPlanes, known, permuted, sameShape, toPlanes, toRows } from '../values.js';

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
  const name = call.writer.operand(value, 'rows') as string;
  const shape = outputShape(call);
  // Planes that become an image lie as they are to lie.
  if (axes.join() === toRows.join()) return { kind: 'stored', name, shape, layout: 'planes' };
  return call.writer.store(shape, 'rows', 'Transpose', [name], { perm: { ints: axes } });
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
    [call.writer.operand(value, 'rows'), integers(...sizes)],
    { axis: { int: axis } },
    sizes.length,
  );
  return names.map((name, i) => ({ kind: 'stored', name, shape: call.shapes[i] ?? [], layout: 'rows' }));
};

/** Bytes stay bytes. */
function found(value: Value, stored: Stored): Stored {
  return value.kind === 'stored' && value.bytes ? { ...stored, bytes: value.bytes } : stored;
}

/** What a node reads that only moves numbers: bytes are not converted. */
function moved({ writer }: Call, value: Value): string | Constant {
  return value.kind === 'stored' && value.bytes ? value.name : writer.operand(value, 'rows');
}

/** Known places along one axis, the same of every image: [n, ..., a, ...], [q] -> [n, ..., q, ...]. */
function gatherKnown(call: Call, value: Value, places: Constant, axis: number): Stored {
  const attributes = { axis: { int: axis } };
  const stored = call.writer.store(
    outputShape(call),
    'rows',
    'Gather',
    [moved(call, value), places],
    attributes,
  );
  return found(value, stored);
}

/** Places along one axis. */
const gather: Translation = call => {
  const [value, places] = [input(call, 0), input(call, 1)];
  const [axis = 0] = integersOf(call, 2);
  const apart = call.attributes.get('batch_dims') === 0;
  return apart && places.kind === 'constant'
    ? gatherKnown(call, value, places.constant, axis)
    : gatherOwn(call, value, places, axis);
};

/** Each image's own: [n, ..., a, ...], [n, q] -> [n, ..., q, ...]. */
function gatherOwn(call: Call, value: Value, places: Value, axis: number): Stored {
  if (call.attributes.get('batch_dims') !== 1 || places.shape.length !== 2)
    throw unknown(call, 'of other places');
  const patch = patchOf(call, axis);
  if (patch) return patch;
  const between = value.shape.slice(1, axis);
  // [n, q] -> [n, 1, ..., q, 1], the same for all that lies between the image and the axis.
  const axes = [...between.map((_, i) => i + 1), axis + 1];
  const [column = ''] = call.writer.emit('Unsqueeze', [
    call.writer.operand(places, 'rows'),
    integers(...axes),
  ]);
  const indices =
    between.length === 0
      ? column
      : (call.writer.emit('Expand', [column, integers(1, ...between, 1, 1)])[0] ?? '');
  if (axis === 1 && value.kind === 'stored' && value.chosen && value.layout === 'rows')
    return found(value, gatherChosen(call, value.chosen, indices));
  const along = { batch_dims: { int: axis } };
  return found(
    value,
    call.writer.store(outputShape(call), 'rows', 'GatherND', [moved(call, value), indices], along),
  );
}

/** Columns next to each other of rows next to each other, as `crop` takes them, of images that are chosen among others: a patch. */
function patchOf(call: Call, axis: number): Stored | undefined {
  const rows = axis === 2 ? call.maker(0) : undefined;
  const images = rows?.inputs[0];
  if (!rows || images?.kind !== 'stored' || !images.chosen || images.layout !== 'rows') return undefined;
  if (rows.op !== call.op || rows.attributes.get('batch_dims') !== 1 || integersOf(rows, 2)[0] !== 1)
    return undefined;
  const [top, left] = [rows, call].map(startOf);
  if (!top || !left) return undefined;
  const { writer } = call;
  const { from, rows: chosen } = images.chosen;
  const [places = ''] = writer.emit('Unsqueeze', [chosen, integers(1)]);
  const firsts = [top, left].map(value => writer.operand(value, 'rows'));
  const [corners = ''] = writer.emit('Concat', [places, ...firsts], { axis: { int: 1 } });
  const shape = outputShape(call);
  const type = images.bytes ? ({ type: 'uint8' } as const) : {};
  const patch = writer.add(cut(from, corners, { name: `${corners}.patch`, shape: shape.slice(1), ...type }));
  return found(images, { kind: 'stored', name: patch, shape, layout: 'rows' });
}

/** What 0, 1, 2, ... are added to, to make the places that a Gather takes: [n, 1]. */
function startOf(gather: Call): Value | undefined {
  const sum = gather.maker(1);
  const [first, offsets] = sum?.op.startsWith('Add') ? sum.inputs : [];
  const consecutive =
    offsets?.kind === 'constant' && offsets.constant.values.every((value, i) => value === i);
  return consecutive && first?.shape.length === 2 && first.shape[1] === 1 ? first : undefined;
}

/** The same along the first axis of an image, where only some images are meant: each place is found among all of them. */
function gatherChosen(call: Call, { from, rows }: Chosen, places: string): Stored {
  const { writer } = call;
  const [, count = 1] = outputShape(call);
  const [column = ''] = writer.emit('Unsqueeze', [rows, integers(1, 2)]);
  const [images = ''] = writer.emit('Expand', [column, integers(1, count, 1)]);
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
