/** Bytes resized by vectors of WebAssembly, as Pillow resizes them, bit for bit: 8 bits are kept after each of the two passes. */
import { passesModule } from './passes-module.js';

/** Which samples make each of those of a crop. */
export interface Spans {
  /** The first sample of each, ascending. */
  readonly starts: Int32Array;
  /** How many samples, the same for all; some weigh nothing. */
  readonly taps: number;
  /** [crop, taps], each sample's add up to 1 */
  readonly weights: Float64Array;
}

/** The first sample that any of them needs, and the one after the last. */
export function reach({ starts, taps }: Spans): readonly [first: number, end: number] {
  return [starts[0] ?? 0, (starts.at(-1) ?? 0) + taps];
}

/** Spans in memory, and where what is made of them goes. */
type Made = [starts: number, weights: number, taps: number, to: number, result: number];

type RowPass = (pixels: number, rows: number, width: number, ...made: Made) => void;

/** What passes.as exports; all are places in memory, or counts. */
interface Passes {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  readonly rgbRows: RowPass;
  readonly greyRows: RowPass;
  readonly columns: (pixels: number, line: number, ...made: Made) => void;
}

/** What is needed of it; Node's types leave it out. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Module: new (binary: Uint8Array) => object;
    readonly Instance: new (module: object) => { readonly exports: unknown };
  };
};

let loaded: Passes | undefined;

function passes(): Passes {
  if (loaded) return loaded;
  const binary = Uint8Array.from(atob(passesModule), character => character.charCodeAt(0));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary));
  return (loaded = exports as Passes);
}

/** Where spans lie in memory. */
interface Place {
  readonly starts: number;
  readonly weights: number;
}

/** Read or written beyond an end by whole vectors. */
const slack = 16;

/** Bytes of the image that are in WebAssembly's memory at once, unless a row has more: that memory is never given back. */
const mostAtOnce = 1 << 20;

/**
 * @param pixels [height, width, channels]
 * @param channels 1 or 3
 * @returns [rows.starts.length, columns.starts.length, channels]
 */
export function fitBytes(
  pixels: Uint8Array,
  { width, channels }: { readonly width: number; readonly channels: number },
  rows: Spans,
  columns: Spans,
): Uint8Array {
  const { memory, rgbRows, greyRows, columns: columnPass } = passes();
  // Only what the crop depends on is looked at.
  const [top, bottom] = reach(rows);
  const [left, right] = reach(columns);
  const used = (right - left) * channels;
  const line = columns.starts.length * channels;
  const strip = Math.min(bottom - top, Math.max(1, Math.floor(mostAtOnce / used)));

  let end = 0;
  const room = (bytes: number): number => {
    const start = end;
    end += Math.ceil((bytes + slack) / 16) * 16;
    return start;
  };
  const placeOf = ({ starts, weights }: Spans): Place => ({
    starts: room(4 * starts.length),
    weights: room(4 * weights.length),
  });
  const across = placeOf(columns);
  const down = placeOf(rows);
  const source = room(strip * used);
  const narrow = room((bottom - top) * line);
  const result = room(rows.starts.length * line);
  const missing = Math.ceil((end - memory.buffer.byteLength) / 65536);
  if (missing > 0) memory.grow(missing);

  const bytes = new Uint8Array(memory.buffer);
  const lay = ({ starts, weights }: Spans, first: number, place: Place): void => {
    new Int32Array(memory.buffer, place.starts, starts.length).set(starts.map(start => start - first));
    const wholes = new Int32Array(memory.buffer, place.weights, weights.length);
    for (let i = 0; i < weights.length; i++) wholes[i] = whole(weights[i] ?? 0);
  };
  lay(columns, left, across);
  lay(rows, top, down);

  const rowPass = channels === 3 ? rgbRows : greyRows;
  for (let first = top; first < bottom; first += strip) {
    const count = Math.min(strip, bottom - first);
    for (let row = 0; row < count; row++) {
      const from = ((first + row) * width + left) * channels;
      bytes.set(pixels.subarray(from, from + used), source + row * used);
    }
    rowPass(
      source,
      count,
      right - left,
      across.starts,
      across.weights,
      columns.taps,
      columns.starts.length,
      narrow + (first - top) * line,
    );
  }
  columnPass(narrow, line, down.starts, down.weights, rows.taps, rows.starts.length, result);
  return bytes.slice(result, result + rows.starts.length * line);
}

/** Pillow's weights are whole numbers of 2^-22. */
function whole(weight: number): number {
  return Math.sign(weight) * Math.floor(Math.abs(weight) * 2 ** 22 + 0.5);
}
