/** The header of a safetensors file, read and checked without trust. */
import { z } from 'zod';
import { CheckpointError, type Explanation } from '../errors/index.js';

/** The format's names of the element types read here, each with its size. */
const itemBytes = { F32: 4, I32: 4 } as const;
export type DtypeCode = keyof typeof itemBytes;

/** The format's own limit. */
const maxHeaderBytes = 100_000_000;

/** One tensor: its bytes are those from `begin` to `end` after the header. */
interface HeaderEntry {
  readonly name: string;
  readonly dtype: DtypeCode;
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

/** How many elements a tensor of this shape has. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Reads and checks the header of the safetensors file `bytes`. */
export function parseHeader(bytes: Uint8Array, source: string): Header {
  const refuse = (explanation: Explanation) =>
    new CheckpointError({
      ...explanation,
      problem: `${source} is not a valid safetensors file: ${explanation.problem}`,
    });
  const dataStart = 8 + headerLength(bytes, refuse);
  const { __metadata__: metadata = {}, ...tensors } = parseJson(bytes.subarray(8, dataStart), refuse);
  if (!isStringRecord(metadata)) throw refuse({ problem: '__metadata__ is not an object of strings' });
  const entries = Object.entries(tensors)
    .map(([name, entry]) => parseEntry(name, entry, refuse))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  requireContiguous(entries, bytes.length - dataStart, refuse);
  return { entries, metadata, dataStart };
}

type Refuse = (explanation: Explanation) => CheckpointError;

function headerLength(bytes: Uint8Array, refuse: Refuse): number {
  if (bytes.length < 8) {
    throw refuse({ problem: 'it is cut short', given: `${bytes.length} bytes`, allowed: 'at least 8 bytes' });
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const room = Math.min(maxHeaderBytes, bytes.length - 8);
  if (length > room) {
    throw refuse({
      problem: 'it is cut short, or of another format',
      given: `a header of ${String(length)} bytes`,
      allowed: `at most ${room} bytes`,
    });
  }
  return Number(length);
}

function parseJson(bytes: Uint8Array, refuse: Refuse): Record<string, unknown> {
  if (bytes[0] !== '{'.charCodeAt(0)) throw refuse({ problem: 'its header does not begin with {' });
  let text: string;
  let header: Record<string, unknown>;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // Valid JSON that begins with { is an object.
    header = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw refuse({ problem: 'its header is not valid JSON', cause });
  }
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined)
    throw refuse({ problem: 'a name occurs twice in its header', given: duplicate });
  return header;
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

function parseEntry(name: string, entry: unknown, refuse: Refuse): HeaderEntry {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) {
    throw refuse({
      problem: `the entry of tensor "${name}" is malformed`,
      given: z.prettifyError(parsed.error),
    });
  }
  const {
    dtype,
    shape,
    data_offsets: [begin, end],
  } = parsed.data;
  if (!isDtypeCode(dtype)) {
    const allowed = Object.keys(itemBytes).join(', ');
    throw refuse({
      problem: `tensor "${name}" has an element type that is not read here`,
      given: dtype,
      allowed,
    });
  }
  if (end - begin !== elements(shape) * itemBytes[dtype]) {
    throw refuse({
      problem: `tensor "${name}" does not fit its bytes`,
      given: `${dtype} [${shape.join(', ')}] in ${end - begin} bytes`,
      allowed: `${elements(shape) * itemBytes[dtype]} bytes`,
    });
  }
  return { name, dtype, shape, begin, end };
}

function isDtypeCode(code: string): code is DtypeCode {
  return Object.hasOwn(itemBytes, code);
}

function isStringRecord(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(entry => typeof entry === 'string');
}

function requireContiguous(entries: readonly HeaderEntry[], dataBytes: number, refuse: Refuse): void {
  let expected = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== expected) {
      const problem = `tensor "${name}" ${begin < expected ? 'overlaps the one before it' : 'leaves a hole before it'}`;
      throw refuse({ problem, given: `an offset of ${begin}`, allowed: `${expected}` });
    }
    expected = end;
  }
  if (expected !== dataBytes) {
    const problem = expected > dataBytes ? 'it is cut short' : 'bytes follow its last tensor';
    throw refuse({ problem, given: `${dataBytes} bytes of data`, allowed: `${expected} bytes` });
  }
}
