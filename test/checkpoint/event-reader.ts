/** Reads TensorBoard's event files (tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto), as far as scalars go. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

export interface ScalarEvent {
  readonly step: number;
  readonly tag: string;
  readonly value: number;
}

/**
 * The scalars of the one event file in `folder`, in its order.
 * @throws RangeError where a record's checksum is not that of its bytes
 */
export function readEvents(folder: string): ScalarEvent[] {
  const files = readdirSync(folder).filter(name => name.startsWith('events.out.tfevents.'));
  expect(files).toHaveLength(1);
  return scalars(readFileSync(join(folder, String(files[0]))));
}

function scalars(file: Buffer): ScalarEvent[] {
  return records(file).flatMap(record => {
    const event = fields(record);
    const step = Number(event.get(2)?.[0] ?? 0);
    const summaries = (event.get(5) ?? []) as Buffer[];
    return summaries
      .flatMap(summary => (fields(summary).get(1) ?? []) as Buffer[])
      .map(value => {
        const [tag, scalar] = [1, 2].map(number => fields(value).get(number)?.[0] as Buffer);
        return { step, tag: String(tag), value: scalar?.readFloatLE() ?? NaN };
      });
  });
}

/** Each record: its length (64 bits), the length's checksum, its bytes, their checksum; all little-endian. */
function records(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < file.length;) {
    const length = checked(file.subarray(at, at + 8), file.readUInt32LE(at + 8)).readBigUInt64LE();
    const end = at + 12 + Number(length);
    found.push(checked(file.subarray(at + 12, end), file.readUInt32LE(end)));
    at = end + 4;
  }
  return found;
}

function checked(bytes: Buffer, masked: number): Buffer {
  const crc = crc32c(bytes);
  const expected = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  if (expected !== masked) throw new RangeError(`checksum ${masked}, not ${expected}`);
  return bytes;
}

/** CRC-32C (Castagnoli), bit by bit. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A protocol buffer's values by their field's number: numbers, or bytes. */
function fields(message: Buffer): Map<number, (number | Buffer)[]> {
  const found = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const varint = (): number => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = message.readUInt8(at++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => message.subarray(at, (at += length));
  while (at < message.length) {
    const key = varint();
    const [field, wire] = [key >>> 3, key & 7];
    const value = wire === 0 ? varint() : take(wire === 1 ? 8 : wire === 5 ? 4 : varint());
    found.set(field, [...(found.get(field) ?? []), value]);
  }
  return found;
}
