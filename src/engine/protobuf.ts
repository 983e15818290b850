/** The few lines of protocol buffers that a GraphDef needs: encoding fields, and walking the fields of a message. */

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

export function bytesField(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

export function stringField(field: number, text: string): Buffer {
  return bytesField(field, Buffer.from(text));
}

export function integerField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

export function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint((field << 3) | 5), bytes]);
}

/** One field of a message: varints as numbers, all else as bytes. */
export interface Field {
  readonly number: number;
  readonly integer: number;
  readonly bytes: Buffer;
}

const none = Buffer.alloc(0);

/** Walks the fields of an encoded message. */
export function* fields(message: Buffer): Generator<Field> {
  let offset = 0;
  const read = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message.readUInt8(offset++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => message.subarray(offset, (offset += length));
  while (offset < message.length) {
    const tag = read();
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0:
        yield { number, integer: read(), bytes: none };
        break;
      case 1:
        yield { number, integer: 0, bytes: take(8) };
        break;
      case 2:
        yield { number, integer: 0, bytes: take(read()) };
        break;
      case 5:
        yield { number, integer: 0, bytes: take(4) };
        break;
      default:
        throw new RangeError(`unknown wire type ${tag & 7} at byte ${offset}`);
    }
  }
}
