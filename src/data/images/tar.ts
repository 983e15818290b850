/** The entries of a tar file (POSIX ustar and pax, GNU long names), found by reading headers alone and skipping what lies between. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DataError } from '../../errors/index.js';

export interface TarEntry {
  readonly name: string;
  /** Of its content in the tar file. */
  readonly start: number;
  readonly bytes: number;
  /** It has no content of its own. */
  readonly isLink: boolean;
}

const block = 512;

/** Headers with a name for the entry after them are longer than this in no file that is whole. */
const longestName = 65536;

/** Reads `bytes` at `start`, valid until the next read; fewer where the file ends. */
type ReadAt = (start: number, bytes: number) => Buffer;

export interface TarFile {
  readonly path: string;
  readonly size: number;
  readonly readAt: ReadAt;
}

/** @throws DataError when the file cannot be read, or is no tar file */
export function withTar<T>(path: string, use: (tar: TarFile) => T): T {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new DataError({ problem: 'the shard cannot be read', given: path, cause });
  }
  try {
    return use({ path, size: fstatSync(file).size, readAt: windowed(file) });
  } finally {
    closeSync(file);
  }
}

/** Bytes that are read at once: entries that lie close together come in few reads, and of what lies between large ones little is read. */
const [smallest, largest] = [2 ** 14, 2 ** 20];

function windowed(file: number): ReadAt {
  let buffer = Buffer.allocUnsafeSlow(smallest);
  let [held, from, size] = [0, 0, smallest];
  return (start, bytes) => {
    const skipped = start - from - held;
    if (start < from || skipped + bytes > 0) {
      size = start >= from && skipped <= size ? Math.min(2 * size, largest) : smallest;
      const wanted = Math.max(bytes, size);
      if (buffer.length < wanted) buffer = Buffer.allocUnsafeSlow(wanted);
      held = readSync(file, buffer, 0, wanted, start);
      from = start;
    }
    return buffer.subarray(start - from, Math.min(start - from + bytes, held));
  };
}

/**
 * All files and links. Calls `onOpenEnd` where the mark that ends an archive is missing: some writers leave it out, and what is cut off lacks it.
 * @throws DataError when it is no tar file, or is cut off within an entry
 */
export function* tarEntries({ path, size, readAt }: TarFile, onOpenEnd: () => void): Generator<TarEntry> {
  let named: Partial<TarEntry> = {};
  for (let at = 0; ;) {
    const header = readAt(at, block);
    if (header.length === 0) onOpenEnd();
    if (header.length === 0 || isEmpty(header)) return;
    if (header.length < block && at > 0) throw cutOff(path, size);
    if (header.length < block || checksum(header) !== octal(header, 148, 8)) throw damaged(path, at);
    const type = String.fromCharCode(header[156] ?? 0);
    const start = at + block;
    const bytes = (type === 'x' || type === 'L' ? undefined : named.bytes) ?? octal(header, 124, 12);
    const name = named.name ?? nameIn(header);
    if (start + bytes > size) throw cutOff(path, size, name);
    if (type === 'L' || type === 'x') {
      if (bytes > longestName) throw damaged(path, at);
      const content = readAt(start, bytes);
      named = { ...named, ...(type === 'L' ? { name: text(content, 0, bytes) } : pax(content)) };
    } else if (type !== 'g' && type !== 'K') {
      if (['0', '\0', '1', '2'].includes(type))
        yield { name, start, bytes, isLink: type === '1' || type === '2' };
      named = {};
    }
    at = start + Math.ceil(bytes / block) * block;
  }
}

function nameIn(header: Buffer): string {
  const name = text(header, 0, 100);
  return header[345] === 0 || text(header, 257, 5) !== 'ustar' ? name : `${text(header, 345, 155)}/${name}`;
}

/** Up to the first zero. */
function text(buffer: Buffer, start: number, length: number): string {
  const end = buffer.indexOf(0, start);
  return buffer.toString('utf8', start, end < 0 ? start + length : Math.min(end, start + length));
}

/** Large sizes are written in base 256, which a set first bit says. */
function octal(header: Buffer, start: number, length: number): number {
  if (((header[start] ?? 0) & 0x80) !== 0) return header.readUIntBE(start + length - 6, 6);
  return parseInt(text(header, start, length).trim() || '0', 8);
}

function isEmpty(header: Buffer): boolean {
  return header[0] === 0 && header.every(byte => byte === 0);
}

/** Of all bytes, those of the checksum itself taken for spaces. Four bytes at a time, for all headers of a large set are read before training. */
function checksum(header: Buffer): number {
  const words = new Uint32Array(header.buffer, header.byteOffset, block / 4);
  // Two sums of 16 bits each, which 256 bytes cannot overflow.
  let sums = 0;
  for (const word of words) sums += (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff);
  let sum = (sums >>> 16) + (sums & 0xffff) + 8 * 32;
  for (let i = 148; i < 156; i++) sum -= header[i] ?? 0;
  return sum;
}

/** Lines of `LENGTH KEY=VALUE`. */
function pax(content: Buffer): Partial<TarEntry> {
  const values = new Map<string, string>();
  for (let at = 0; at < content.length;) {
    const length = parseInt(content.toString('utf8', at, at + 20), 10);
    if (!(length > 0)) break;
    const line = content.toString('utf8', at, at + length - 1);
    const space = line.indexOf(' ');
    const equals = line.indexOf('=');
    values.set(line.slice(space + 1, equals), line.slice(equals + 1));
    at += length;
  }
  const [name, size] = [values.get('path'), values.get('size')];
  return { ...(name !== undefined && { name }), ...(size !== undefined && { bytes: Number(size) }) };
}

function damaged(path: string, at: number): DataError {
  return new DataError({
    problem: 'the shard is not a tar file, or is damaged',
    given: `${path}, byte ${at}`,
    allowed: 'tar files that are not compressed',
    mend: 'copy or write the shard again',
  });
}

/** `at`: what it ends in or after, where that is known. */
export function cutOff(path: string, size: number, at?: string): DataError {
  return new DataError({
    problem: 'the shard is cut off',
    given: `${path}: it ends after ${size} bytes${at === undefined ? '' : `, at ${at}`}`,
    mend: 'copy or write the shard again',
  });
}
