/** The safetensors format: named tensors in one file, https://github.com/huggingface/safetensors#format. */
import { CheckpointError } from '../errors/index.js';
import type { ByteSource } from './byte-source.js';
import { partOf, sourceOf } from './byte-source.js';
import { type ElementTypeName, elementTypes, readElements } from './element-types.js';
import { MemoryBudget } from './memory-budget.js';
import type { Parts } from './parts.js';
import { speakingOf } from './refusal.js';
import { parseHeader } from './safetensors-header.js';
import { elements, rowMajorStrides, type TensorData } from './tensor-data.js';

/** What a safetensors file holds. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, TensorData>;
  readonly metadata: Readonly<Record<string, string>>;
}

const codes = { float32: 'F32', int32: 'I32' } as const satisfies Record<
  TensorData['dtype'],
  ElementTypeName
>;

/**
 * A safetensors file, of which the tensors' own memory is a part; the same tensors give the same bytes, whatever their order in the map.
 *
 * @throws CheckpointError where a tensor's shape does not fit its values, or a name is reserved by the format
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): Parts {
  const sorted = [...tensors].sort(
    ([a, x], [b, y]) => compare(codes[x.dtype], codes[y.dtype]) || compare(a, b),
  );
  let end = 0;
  const entries = sorted.map(([name, { dtype, shape, values }]): [string, unknown] => {
    requireEncodable(name, shape, values.length);
    const begin = end;
    end += values.byteLength;
    return [name, { dtype: codes[dtype], shape, data_offsets: [begin, end] }];
  });
  if (Object.keys(metadata).length > 0) entries.unshift(['__metadata__', metadata]);
  const text = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const head = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  head.writeBigUInt64LE(BigInt(head.length - 8));
  head.set(text, 8);
  return [
    head,
    ...sorted.map(([, { values }]) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  ];
}

/**
 * Reads the bytes of a safetensors file of ours; the tensors own their memory.
 *
 * @param source what the bytes are, for error messages: a file's path
 * @throws CheckpointError saying what is wrong with the bytes
 */
export function decodeSafetensors(bytes: Uint8Array | ByteSource, source = 'safetensors data'): Safetensors {
  return read(sourceOf(bytes), source, Object.values(codes));
}

/**
 * Reads the bytes of a safetensors file from elsewhere: other floating-point numbers become float32, other integers
 * and booleans int32.
 *
 * @param source what the bytes are, for error messages: a file's path
 * @throws CheckpointError saying what is wrong with the bytes, also where a number is beyond the range of what it becomes
 */
export function readSafetensors(bytes: Uint8Array | ByteSource, source: string): Safetensors {
  return read(sourceOf(bytes), source, Object.keys(elementTypes) as ElementTypeName[]);
}

function read(bytes: ByteSource, source: string, types: readonly ElementTypeName[]): Safetensors {
  const budget = new MemoryBudget(bytes.length);
  const { entries, metadata, dataStart } = parseHeader(bytes, source, types, budget);
  const tensors = new Map<string, TensorData>();
  for (const { name, type, shape, begin, end } of entries) {
    const layout = { shape, offset: 0, strides: rowMajorStrides(shape) };
    const tensor = speakingOf(`${source}: tensor "${name}"`, () =>
      readElements(type, partOf(bytes, dataStart + begin, end - begin), layout, budget),
    );
    tensors.set(name, tensor);
  }
  return { tensors, metadata };
}

function requireEncodable(name: string, shape: readonly number[], count: number): void {
  if (name === '__metadata__') {
    throw new CheckpointError({
      problem: 'no tensor may be named __metadata__: the format reserves the name',
    });
  }
  if (elements(shape) !== count) {
    throw new CheckpointError({
      problem: `tensor "${name}" does not fit its shape`,
      given: `${count} values for shape [${shape.join(', ')}]`,
      allowed: `${elements(shape)} values`,
    });
  }
}

/** Order by UTF-16 code units, the same in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
