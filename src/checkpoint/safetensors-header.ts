/** The header of a safetensors file, read and checked without trust. */
import { z } from 'zod';
import { CheckpointError } from '../errors/index.js';
import { type ElementTypeName, elementTypes } from './element-types.js';
import type { ByteSource } from './byte-source.js';
import type { MemoryBudget } from './memory-budget.js';
import { speakingOf } from './refusal.js';
import { elements } from './tensor-data.js';

/** The format's own limit. */
const maxHeaderBytes = 100_000_000;

/** One tensor: its bytes are those from `begin` to `end` after the header. */
interface HeaderEntry {
  readonly name: string;
  readonly type: ElementTypeName;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  /** In the order of their bytes, which cover the data without gap or overlap. */
  readonly entries: readonly HeaderEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the tensors' bytes begin. */
  readonly dataStart: number;
}

const count = z.int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(count),
  data_offsets: z.tuple([count, count]),
});

/** What a brace, bracket, comma or colon of JSON may take in memory, with the value beside it. */
const bytesPerMark = 64;

/**
 * Reads and checks the header of the safetensors file `bytes`.
 *
 * @param types the element types that a tensor may have
 */
export function parseHeader(
  bytes: ByteSource,
  source: string,
  types: readonly ElementTypeName[],
  budget: MemoryBudget,
): Header {
  return speakingOf(`${source} is not a valid safetensors file`, () => {
    const dataStart = 8 + headerLength(bytes);
    const { __metadata__: metadata = {}, ...tensors } = parseJson(bytes.read(8, dataStart), budget);
    if (!isStringRecord(metadata)) {
      throw new CheckpointError({ problem: '__metadata__ is not an object of strings' });
    }
    const entries = Object.entries(tensors)
      .map(([name, entry]) => parseEntry(name, entry, types))
      .sort((a, b) => a.begin - b.begin || a.end - b.end);
    requireContiguous(entries, bytes.length - dataStart);
    return { entries, metadata, dataStart };
  });
}

function headerLength(bytes: ByteSource): number {
  if (bytes.length < 8) {
    throw new CheckpointError({
      problem: 'it is cut short',
      given: `${bytes.length} bytes`,
      allowed: 'at least 8 bytes',
    });
  }
  const { buffer, byteOffset } = bytes.read(0, 8);
  const length = new DataView(buffer, byteOffset).getBigUint64(0, true);
  const room = Math.min(maxHeaderBytes, bytes.length - 8);
  if (length > room) {
    throw new CheckpointError({
      problem: 'it is cut short, or of another format',
      given: `a header of ${String(length)} bytes`,
      allowed: `at most ${room} bytes`,
    });
  }
  return Number(length);
}

function parseJson(bytes: Uint8Array, budget: MemoryBudget): Record<string, unknown> {
  if (bytes[0] !== '{'.charCodeAt(0))
    throw new CheckpointError({ problem: 'its header does not begin with {' });
  budget.take(2 * bytes.length + bytesPerMark * marksIn(bytes));
  let text: string;
  let header: Record<string, unknown>;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // Valid JSON that begins with { is an object.
    header = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new CheckpointError({ problem: 'its header is not valid JSON', cause });
  }
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined)
    throw new CheckpointError({ problem: 'a name occurs twice in its header', given: duplicate });
  return header;
}

/** How many braces, brackets, commas and colons there are. */
function marksIn(json: Uint8Array): number {
  const marks = new Set(Buffer.from('{[,:'));
  return json.reduce((count, byte) => count + Number(marks.has(byte)), 0);
}

/** A key that occurs twice in one object of the valid JSON text, which JSON.parse passes over. */
function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const token of bracesAndKeys(json)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else {
      const key = JSON.parse(token) as string;
      if (open.at(-1)?.has(key) === true) return key;
      open.at(-1)?.add(key);
    }
  }
  return undefined;
}

/** The braces and the keys, in their quotes, of valid JSON text. */
function* bracesAndKeys(json: string): Generator<string> {
  const colon = /\s*:/y;
  let stringStart: number | undefined;
  for (const { 0: mark, index } of json.matchAll(/\\.|["{}]/g)) {
    if (stringStart === undefined) {
      if (mark === '"') stringStart = index;
      else yield mark;
    } else if (mark === '"') {
      colon.lastIndex = index + 1;
      if (colon.test(json)) yield json.slice(stringStart, index + 1);
      stringStart = undefined;
    }
  }
}

function parseEntry(name: string, entry: unknown, types: readonly ElementTypeName[]): HeaderEntry {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) {
    throw new CheckpointError({
      problem: `the entry of tensor "${name}" is malformed`,
      given: z.prettifyError(parsed.error),
    });
  }
  const {
    dtype,
    shape,
    data_offsets: [begin, end],
  } = parsed.data;
  const type = types.find(known => known === dtype);
  if (type === undefined) {
    throw new CheckpointError({
      problem: `tensor "${name}" has an element type that is not read here`,
      given: dtype,
      allowed: types.join(', '),
    });
  }
  const needed = elements(shape) * elementTypes[type].bytes;
  if (end - begin !== needed) {
    throw new CheckpointError({
      problem: `tensor "${name}" does not fit its bytes`,
      given: `${dtype} [${shape.join(', ')}] in ${end - begin} bytes`,
      allowed: `${needed} bytes`,
    });
  }
  return { name, type, shape, begin, end };
}

function isStringRecord(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(entry => typeof entry === 'string');
}

function requireContiguous(entries: readonly HeaderEntry[], dataBytes: number): void {
  let expected = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== expected) {
      const problem = `tensor "${name}" ${begin < expected ? 'overlaps the one before it' : 'leaves a hole before it'}`;
      throw new CheckpointError({ problem, given: `an offset of ${begin}`, allowed: `${expected}` });
    }
    expected = end;
  }
  if (expected !== dataBytes) {
    const problem = expected > dataBytes ? 'it is cut short' : 'bytes follow its last tensor';
    throw new CheckpointError({ problem, given: `${dataBytes} bytes of data`, allowed: `${expected} bytes` });
  }
}
