/** The file beside the graphs that holds their weights; equal ones once. */
import type { Parts } from '../checkpoint/parts.js';
import { sha256 } from '../checkpoint/parts.js';
import { bytesOf, type Place } from '../onnx/encode.js';
import type { Constant } from '../onnx/model.js';

/** Smaller constants stand in the graph: ONNX Runtime reads shapes and axes there. */
const smallest = 1024;

/** Of each tensor's first byte: a cache line. */
const alignment = 64;

export class WeightsFile {
  private readonly parts: Uint8Array[] = [];
  private readonly places = new Map<string, Place>();
  private length = 0;

  constructor(readonly file: string) {}

  /** Where a constant lies in the file, once it has been added; undefined for a small one. */
  add(constant: Constant): Place | undefined {
    const bytes = bytesOf(constant);
    if (bytes.length < smallest) return undefined;
    const hash = sha256(bytes);
    const old = this.places.get(hash);
    if (old) return old;
    const gap = (alignment - (this.length % alignment)) % alignment;
    const place = { file: this.file, offset: this.length + gap, length: bytes.length };
    this.parts.push(new Uint8Array(gap), bytes);
    this.length += gap + bytes.length;
    this.places.set(hash, place);
    return place;
  }

  content(): Parts {
    return this.parts;
  }
}
