/** Damage to files, as disks, networks and attackers do it. */
import fc from 'fast-check';

/** `count` bytes at the place `at` make room for these. */
interface Splice {
  readonly at: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** A change to bytes; places are taken modulo their number, so that it fits any file. */
type Edit = { readonly place: number } & (
  | { readonly kind: 'flip'; readonly bit: number }
  | { readonly kind: 'insert' | 'overwrite'; readonly bytes: Uint8Array }
  | { readonly kind: 'remove'; readonly count: number }
  | { readonly kind: 'copy'; readonly from: number; readonly count: number }
  | { readonly kind: 'truncate' }
);

/** Where a length or a count goes wrong. */
const limits = [0, 1, 7, 8, 15, 16, 31, 32, 53, 63, 64].flatMap(bits => [
  2n ** BigInt(bits) - 1n,
  2n ** BigInt(bits),
]);

const lengthField = fc
  .tuple(fc.constantFrom(1, 2, 4, 8), fc.oneof(fc.constantFrom(...limits), fc.bigInt(0n, 300n)))
  .map(([size, value]) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
    return Uint8Array.from(bytes.subarray(0, size));
  });

/** What means something in one of the formats. */
const tokens = [
  ...[
    'PK\x01\x02',
    'PK\x03\x04',
    'PK\x05\x06',
    'torch\nDoubleStorage\n',
    'cposix\nsystem\n',
    '\x85',
    '\x93',
    '\x94',
  ],
  ...['h\0', 'q\0', 'F64', 'I64', 'BF16', '__proto__', '\\ud800'],
  ...'( ) R b e u t s a N Q . [ ] { } " : , - 0 9'.split(' '),
];
const token = fc.constantFrom(...tokens).map(text => Uint8Array.from(Buffer.from(text, 'latin1')));
const bytes = fc.oneof(lengthField, token, fc.uint8Array({ maxLength: 8 }));
const place = fc.nat();
const count = fc.integer({ min: 1, max: 100 });

const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip'), place, bit: fc.nat(7) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('overwrite'), place, bytes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('insert'), place, bytes }) },
  fc.record({ kind: fc.constant('remove'), place, count }),
  fc.record({ kind: fc.constant('copy'), place, from: place, count }),
  fc.record({ kind: fc.constant('truncate'), place }),
);

/** One to three changes. */
export const edits = fc.array(edit, { minLength: 1, maxLength: 3 });

/** The bytes after these changes, in memory of their own. */
export function mutate(original: Uint8Array, changes: readonly Edit[]): Buffer {
  return changes.reduce((mutant, change) => {
    const { at, count, bytes } = spliceOf(change, mutant);
    return Buffer.concat([mutant.subarray(0, at), bytes, mutant.subarray(at + count)]);
  }, Buffer.from(original));
}

function spliceOf(edit: Edit, file: Uint8Array): Splice {
  const index = (place: number) => place % Math.max(1, file.length);
  const at = index(edit.place);
  switch (edit.kind) {
    case 'flip':
      return { at, count: 1, bytes: Uint8Array.of((file[at] ?? 0) ^ (1 << edit.bit)) };
    case 'overwrite':
      return { at, count: edit.bytes.length, bytes: edit.bytes };
    case 'insert':
      return { at, count: 0, bytes: edit.bytes };
    case 'remove':
      return { at, count: edit.count, bytes: new Uint8Array() };
    case 'copy':
      return { at, count: 0, bytes: file.slice(index(edit.from), index(edit.from) + edit.count) };
    case 'truncate':
      return { at, count: Infinity, bytes: new Uint8Array() };
  }
}
