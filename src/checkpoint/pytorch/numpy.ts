/** NumPy's scalars, which lists of accuracies may hold. */
import { z } from 'zod';
import { CheckpointError } from '../../errors/index.js';
import { parseArguments } from './tensors.js';
import { PickleObject, type PickleValue } from './values.js';

const readers = {
  f8: { bytes: 8, read: view => view.getFloat64(0, true) },
  f4: { bytes: 4, read: view => view.getFloat32(0, true) },
  i8: { bytes: 8, read: view => smallest(view.getBigInt64(0, true)) },
  i4: { bytes: 4, read: view => view.getInt32(0, true) },
  b1: { bytes: 1, read: view => view.getUint8(0) !== 0 },
} as const satisfies Record<string, { bytes: number; read: (view: DataView) => number | bigint | boolean }>;

type ScalarType = keyof typeof readers;

class NumpyType extends PickleObject {
  readonly title = 'a numpy.dtype';

  constructor(readonly type: ScalarType) {
    super();
  }

  /** `(version, byte order, ...)` */
  override setState(state: PickleValue): void {
    const order = Array.isArray(state) ? state[1] : undefined;
    if (order === '<' || order === '|') return;
    throw new CheckpointError({
      problem: 'a NumPy number is not little-endian',
      given: typeof order === 'string' ? order : 'no byte order',
    });
  }
}

const scalarTypes = Object.keys(readers) as [ScalarType, ...ScalarType[]];
const typeArguments = z.tuple([z.enum(scalarTypes), z.boolean(), z.boolean()]);

/** `numpy.dtype(name, align, copy)` */
export function numpyType(args: readonly PickleValue[]): NumpyType {
  return new NumpyType(parseArguments('a numpy.dtype', typeArguments, args)[0]);
}

const scalarArguments = z.tuple([z.instanceof(NumpyType), z.instanceof(Uint8Array)]);

/** `numpy.core.multiarray.scalar(dtype, bytes)` */
export function numpyScalar(args: readonly PickleValue[]): PickleValue {
  const [{ type }, memory] = parseArguments('a NumPy number', scalarArguments, args);
  const { bytes, read } = readers[type];
  if (memory.length === bytes) return read(new DataView(memory.buffer, memory.byteOffset, bytes));
  throw new CheckpointError({
    problem: 'a NumPy number does not fit its bytes',
    given: `${type} in ${memory.length} bytes`,
  });
}

const encodeArguments = z.tuple([z.string().regex(/^[\0-\xff]{0,16}$/), z.literal('latin1')]);

/** `_codecs.encode(text, 'latin1')`: how protocol 2 writes bytes. */
export function encodeLatin1(args: readonly PickleValue[]): PickleValue {
  const [text] = parseArguments('a text for bytes', encodeArguments, args);
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

function smallest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
