/**
 * Reads a ZIP archive as torch.save writes it, with entries as they are, not compressed:
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT. What is ambiguous in the format is refused.
 */
import { crc32 } from 'node:zlib';
import { CheckpointError } from '../../errors/index.js';
import type { ByteSource } from '../byte-source.js';
import { partOf, piecesOf, sourceOf } from '../byte-source.js';
import type { MemoryBudget } from '../memory-budget.js';
import { ByteReader, textOf } from './byte-reader.js';

const signatures = {
  local: 0x04034b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
};
const sizes = { local: 30, end: 22, end64: 56, locator64: 20 };
/** Says that a number stands in the ZIP64 field instead. */
const elsewhere = 0xffffffff;

/** What an entry of the directory may take in memory. */
const entryBytes = 512;

interface Entry {
  readonly name: string;
  readonly crc: number;
  /** Where its local header begins. */
  readonly start: number;
  readonly size: number;
}

/** Where the bytes of an entry are. */
interface Place {
  readonly crc: number;
  readonly begin: number;
  readonly size: number;
}

export function isZip(bytes: ByteSource): boolean {
  return bytes.length >= 4 && new ByteReader(bytes).uint32() === signatures.local;
}

export class ZipArchive {
  readonly #bytes: ByteSource;
  readonly #entries = new Map<string, Place>();

  /** @throws CheckpointError where the directory is damaged or ambiguous, or an entry is compressed or encrypted */
  constructor(bytes: Uint8Array | ByteSource, budget: MemoryBudget) {
    this.#bytes = sourceOf(bytes);
    const { count, start, end } = locateDirectory(this.#bytes);
    const reader = new ByteReader(this.#bytes, start, end);
    const entries: Entry[] = [];
    while (reader.remaining > 0) {
      budget.take(entryBytes);
      entries.push(readEntry(reader));
    }
    if (entries.length !== count) {
      throw new CheckpointError({
        problem: "the archive's directory is damaged",
        given: `${entries.length} entries`,
        allowed: `${count} entries`,
      });
    }
    this.#locate(entries, start);
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** All of an entry. @throws CheckpointError as `open` */
  read(name: string): Uint8Array {
    const entry = this.open(name);
    return entry.read(0, entry.length);
  }

  /** @throws CheckpointError where there is no such entry, or its checksum is not that of its bytes */
  open(name: string): ByteSource {
    const { begin, size, crc } = this.#place(name);
    const entry = partOf(this.#bytes, begin, size);
    let given = 0;
    for (const piece of piecesOf(entry)) given = crc32(piece, given);
    if (given === crc) return entry;
    throw new CheckpointError({
      problem: `${name} in the archive was altered: its checksum does not match`,
      mend: 'copy or download the file again',
    });
  }

  /** The size of an entry in bytes. @throws CheckpointError where there is no such entry */
  sizeOf(name: string): number {
    return this.#place(name).size;
  }

  #place(name: string): Place {
    const place = this.#entries.get(name);
    if (place) return place;
    throw new CheckpointError({ problem: `the archive lacks ${name}` });
  }

  /** Finds the bytes of each entry, which must not overlap. */
  #locate(entries: readonly Entry[], directoryStart: number): void {
    let free = 0;
    for (const entry of entries.toSorted((a, b) => a.start - b.start)) {
      if (entry.start < free)
        throw new CheckpointError({ problem: `${entry.name} overlaps another entry of the archive` });
      if (this.#entries.has(entry.name))
        throw new CheckpointError({ problem: `${entry.name} occurs twice in the archive` });
      const reader = new ByteReader(this.#bytes, entry.start, directoryStart);
      skipLocalHeader(reader, entry.name);
      this.#entries.set(entry.name, { crc: entry.crc, begin: reader.skip(entry.size), size: entry.size });
      free = reader.position;
    }
  }
}

interface Directory {
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

/** The directory ends where its end record begins, and that is the last of the file. */
function locateDirectory(bytes: ByteSource): Directory {
  const at = bytes.length - sizes.end;
  const reader = new ByteReader(bytes, Math.max(0, at));
  if (at < 0 || reader.uint32() !== signatures.end) {
    throw new CheckpointError({
      problem: 'the archive is cut short, or something follows it: its directory is not at its end',
      mend: 'copy or download the file again',
    });
  }
  const [disk, directoryDisk, entriesHere, count] = [
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
  ];
  const [size, start, comment] = [reader.uint32(), reader.uint32(), reader.uint16()];
  if (disk !== 0 || directoryDisk !== 0 || entriesHere !== count || comment !== 0) throw damagedEnd();
  const short = { count, start, end: start + size };
  const long = locateDirectory64(bytes, at - sizes.locator64);
  const agree = (a: number, b: number, none: number) => a === b || a === none;
  if (long) {
    const same =
      agree(count, long.count, 0xffff) &&
      agree(start, long.start, elsewhere) &&
      agree(size, long.end - long.start, elsewhere);
    if (same && long.end === at - sizes.locator64 - sizes.end64) return long;
  } else if (short.end === at) return short;
  throw damagedEnd();
}

/** @param at where the locator of the ZIP64 end record would be */
function locateDirectory64(bytes: ByteSource, at: number): Directory | undefined {
  const reader = new ByteReader(bytes, Math.max(0, at));
  if (at < sizes.end64 || reader.uint32() !== signatures.locator64) return undefined;
  const [disk, recordAt, disks] = [reader.uint32(), reader.uint64(), reader.uint32()];
  const record = new ByteReader(bytes, at - sizes.end64);
  const [signature, recordSize] = [record.uint32(), record.uint64()];
  record.take(4); // versions
  const [thisDisk, directoryDisk, entriesHere, count] = [
    record.uint32(),
    record.uint32(),
    record.uint64(),
    record.uint64(),
  ];
  const [size, start] = [record.uint64(), record.uint64()];
  const valid =
    signature === signatures.end64 &&
    recordAt === at - sizes.end64 &&
    recordSize === sizes.end64 - 12 &&
    entriesHere === count &&
    disk + thisDisk + directoryDisk === 0 &&
    disks === 1;
  if (!valid) throw damagedEnd();
  return { count, start, end: start + size };
}

function damagedEnd(): CheckpointError {
  return new CheckpointError({
    problem: 'the end of the archive is damaged, or not as torch.save writes it',
    mend: 'copy or download the file again',
  });
}

function readEntry(reader: ByteReader): Entry {
  if (reader.uint32() !== signatures.central) {
    throw new CheckpointError({ problem: "the archive's directory is damaged" });
  }
  reader.take(4); // versions
  const [flags, method] = [reader.uint16(), reader.uint16()];
  reader.take(4); // time
  const [crc, packed, size] = [reader.uint32(), reader.uint32(), reader.uint32()];
  const [nameLength, extraLength, commentLength, disk] = [
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
  ];
  reader.take(6); // attributes
  const start = reader.uint32();
  const name = textOf(reader.take(nameLength));
  const long = zip64Field(reader.take(extraLength));
  reader.take(commentLength);
  // In the order of the field: it has those numbers alone that stand there.
  const [realSize, realPacked, realStart] = [size, packed, start].map(number =>
    number === elsewhere && long ? long.uint64() : number,
  );
  requirePlain(name, flags, method);
  if (realSize === undefined || realStart === undefined || realPacked !== realSize || disk !== 0) {
    throw new CheckpointError({ problem: `the entry of ${name} in the archive is damaged` });
  }
  return { name, crc, start: realStart, size: realSize };
}

function zip64Field(extra: Uint8Array): ByteReader | undefined {
  const reader = new ByteReader(extra);
  while (reader.remaining >= 4) {
    const [id, length] = [reader.uint16(), reader.uint16()];
    const content = reader.take(length);
    if (id === 1) return new ByteReader(content);
  }
  return undefined;
}

function requirePlain(name: string, flags: number, method: number): void {
  const isEncrypted = (flags & 1) === 1;
  if (method === 0 && !isEncrypted) return;
  throw new CheckpointError({
    problem: `${name} in the archive is ${isEncrypted ? 'encrypted' : 'compressed'}`,
    allowed: 'entries that are stored as they are, as torch.save writes them',
    mend: 'load the file in Python and save it anew with torch.save',
  });
}

/** Its sizes and checksum may follow the data instead; the directory has them. */
function skipLocalHeader(reader: ByteReader, name: string): void {
  const header = new ByteReader(reader.take(sizes.local));
  const signature = header.uint32();
  header.take(2); // version
  requirePlain(name, header.uint16(), header.uint16());
  header.take(16); // time, checksum, sizes
  const [nameLength, extraLength] = [header.uint16(), header.uint16()];
  const localName = textOf(reader.take(nameLength));
  reader.take(extraLength);
  if (signature === signatures.local && localName === name) return;
  throw new CheckpointError({ problem: `the header of ${name} in the archive is damaged` });
}
