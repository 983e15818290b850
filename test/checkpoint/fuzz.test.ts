/** Damaged and hostile files: a CheckpointError or a right load, in bounded time and memory. `npm run fuzz` runs 100,000 cases. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Manifest, manifestText, readManifest } from '../../src/checkpoint/manifest.js';
import { sha256 } from '../../src/checkpoint/parts.js';
import { MemoryBudget } from '../../src/checkpoint/memory-budget.js';
import { type PyTorchValue, readPyTorch } from '../../src/checkpoint/pytorch/index.js';
import { ZipArchive } from '../../src/checkpoint/pytorch/zip.js';
import { readSafetensors } from '../../src/checkpoint/safetensors.js';
import { adoptBackbone } from '../../src/checkpoint/state-dict/backbone.js';
import { ofEncoder } from '../../src/checkpoint/state-dict/names.js';
import { readReference } from '../../src/checkpoint/state-dict/reference.js';
import type { TensorData } from '../../src/checkpoint/tensor-data.js';
import { startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { CheckpointError } from '../../src/errors/index.js';
import { StaticConfig } from '../../src/model/config.js';
import { StaticNetwork } from '../../src/model/static.js';
import type { Variables } from '../../src/nn/scope.js';
import { stream } from '../../src/random/index.js';
import { edits, mutate } from './mutations.js';
import {
  archiveFile,
  called,
  global,
  integer,
  legacyFile,
  none,
  ops,
  savedLegacy,
  storage,
  tensor,
  text,
  zipFile,
} from './pytorch/craft.js';
import { pytorchFile } from './pytorch/fixtures.js';
import { temporaryFolder, versionContent } from './support.js';

const tests = 9;
const settings = { numRuns: Math.ceil(Number(process.env.GFNET_FUZZ_CASES ?? 3500) / tests) };
const patience = 60_000 + 100 * settings.numRuns;

/** How many mutants were read, and how many refused. */
const tally = { read: 0, refused: 0 };

const read = (bytes: Uint8Array) => readPyTorch(bytes, 'mutant.pth');

/** What reading `bytes` gives, or undefined where it is refused, as it must be within bounds. */
function outcome<T>(bytes: Uint8Array, action: (bytes: Uint8Array) => T): T | undefined {
  const before = { memory: process.memoryUsage(), cpu: process.cpuUsage() };
  let result: T | undefined;
  try {
    result = action(bytes);
    tally.read++;
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    tally.refused++;
  }
  const after = process.memoryUsage();
  const grown = (key: 'heapUsed' | 'arrayBuffers') => after[key] - before.memory[key];
  expect(grown('heapUsed') + grown('arrayBuffers')).toBeLessThan(2 * bytes.length + 16 * 2 ** 20);
  expect(process.cpuUsage(before.cpu).user).toBeLessThan(2e6);
  return result;
}

/** The tensors of a value, each once, which must be walkable as a tree. */
function tensorsOf(value: PyTorchValue, fileBytes: number): Set<TensorData> {
  const tensors = new Set<TensorData>();
  const open = [value];
  for (let nodes = 0; open.length > 0; nodes++) {
    expect(nodes).toBeLessThan(fileBytes);
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (next instanceof Map || Array.isArray(next)) open.push(...(next as readonly PyTorchValue[]).values());
    else tensors.add(next as TensorData);
  }
  return tensors;
}

/** Consistent in itself, with memory of its own. */
function expectWellFormed(value: PyTorchValue | undefined, file: Uint8Array): void {
  if (value === undefined) return;
  let total = 0;
  for (const { dtype, shape, values } of tensorsOf(value, file.length)) {
    expect(values).toBeInstanceOf(dtype === 'float32' ? Float32Array : Int32Array);
    expect(values.length).toBe(shape.includes(0) ? 0 : shape.reduce((product, side) => product * side, 1));
    expect(values.buffer.byteLength).toBe(values.byteLength);
    expect(values.buffer === file.buffer).toBe(false);
    total += values.byteLength;
  }
  expect(total).toBeLessThan(2 * file.length + 16 * 2 ** 20);
}

beforeEach(() => {
  Object.assign(tally, { read: 0, refused: 0 });
});
afterEach(() => {
  expect(tally.read).toBeGreaterThan(0);
  if (process.env.GFNET_FUZZ_CASES !== undefined) console.log(expect.getState().currentTestName, tally);
});

describe('PyTorch files', () => {
  const seed = fc.constantFrom('views', 'types', 'plain-2', 'plain-4');

  it('archives: their checksums let nothing else through', { timeout: patience }, () => {
    fc.assert(
      fc.property(seed, edits, (name, changes) => {
        const original = pytorchFile(`${name}.pth`);
        const value = outcome(mutate(original, changes), read);
        if (value !== undefined) expect(isDeepStrictEqual(value, read(original))).toBe(true);
      }),
      settings,
    );
  });

  it('archives of an altered pickle, with right checksums', { timeout: patience }, () => {
    fc.assert(
      fc.property(seed, edits, (name, changes) => {
        const original = pytorchFile(`${name}.pth`);
        const archive = new ZipArchive(original, new MemoryBudget(original.length));
        const entries = archive.names.map(name => {
          const data = archive.read(name);
          return { name, data: name.endsWith('.pkl') ? mutate(data, changes) : data };
        });
        const mutant = zipFile(entries);
        expectWellFormed(outcome(mutant, read), mutant);
      }),
      settings,
    );
  });

  it('the format before PyTorch 1.6', { timeout: patience }, () => {
    fc.assert(
      fc.property(seed, edits, (name, changes) => {
        const mutant = mutate(pytorchFile(`${name}-legacy.pth`), changes);
        expectWellFormed(outcome(mutant, read), mutant);
      }),
      settings,
    );
  });

  it(
    'the format before PyTorch 1.6: only numbers whose bytes were altered differ',
    { timeout: patience },
    () => {
      const original = pytorchFile('views-legacy.pth');
      // Two storages, of 24 and 16 numbers, each after its count.
      const start = original.length - 2 * 8 - 4 * (24 + 16);
      /** The same file, each number being its own place. */
      const places = Buffer.from(original);
      const firstCount = original.readUInt32LE(start);
      for (let i = 0; i < 40; i++) {
        const at = start + 8 + 4 * i + (i < firstCount ? 0 : 8);
        places.writeFloatLE(at, at);
      }
      const [before, placed] = [original, places].map(file => [...tensorsOf(read(file), file.length)]);
      const flips = fc.array(
        fc.record({ at: fc.integer({ min: start, max: original.length - 1 }), bit: fc.nat(7) }),
        {
          minLength: 1,
          maxLength: 4,
        },
      );
      fc.assert(
        fc.property(flips, changes => {
          const mutant = Buffer.from(original);
          for (const { at, bit } of changes) mutant[at] = (mutant[at] ?? 0) ^ (1 << bit);
          const value = outcome(mutant, read);
          if (value === undefined) return;
          const after = [...tensorsOf(value, mutant.length)];
          expect(after.map(({ shape }) => shape)).toEqual(before?.map(({ shape }) => shape));
          const isTouched = (at: number) => changes.some(change => change.at >= at && change.at < at + 4);
          const wrong = after.flatMap(({ values }, i) =>
            [...values].filter((number, j) => {
              const at = placed?.[i]?.values[j] ?? NaN;
              return !isTouched(at) && !Object.is(number, before?.[i]?.values[j]);
            }),
          );
          expect(wrong).toEqual([]);
        }),
        settings,
      );
    },
  );

  it('pickles of any operations', { timeout: patience }, () => {
    const small = fc.integer({ min: -2, max: 9 }).map(integer);
    const ones = storage('0', 'FloatStorage', 4);
    const view = fc
      .tuple(fc.array(fc.nat(4), { maxLength: 3 }), fc.array(fc.nat(3), { maxLength: 3 }), fc.nat(3))
      .map(([shape, strides, offset]) => tensor(ones, { shape, strides, offset }));
    const names = [
      'torch._utils._rebuild_parameter',
      'torch.Size',
      'torch.LongStorage',
      'numpy.dtype',
      'os.system',
    ];
    const operation = fc.oneof(
      fc
        .constantFrom(...'N ] ( } ) t e u s a l 0 1 2 R b Q \x85 \x86 \x87 \x88 \x93 \x94'.split(' '))
        .map(code => ops(code)),
      fc.tuple(fc.constantFrom('q', 'h'), fc.nat(4)).map(([code, index]) => ops(code, Uint8Array.of(index))),
      fc.constantFrom(...names.map(global), ones, called('collections.OrderedDict'), none),
      fc.constantFrom('', 'a', '0', '__proto__', 'latin1').map(text),
      small,
      view,
    );
    const storages = { 0: Buffer.from(Float32Array.of(1, 2, 3, 4).buffer) };
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), fc.boolean(), (parts, isArchive) => {
        const value = ops(']', ...parts);
        const file = isArchive
          ? archiveFile(value, storages)
          : legacyFile(value, { 0: ops(Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0), storages[0]) });
        expectWellFormed(outcome(file, read), file);
      }),
      settings,
    );
  });
});

describe('safetensors', () => {
  /** How each element type is read, told apart from ours. */
  const readers: Record<string, ((view: DataView, at: number) => number) | undefined> = {
    F64: (view, at) => Math.fround(view.getFloat64(at, true)),
    F32: (view, at) => view.getFloat32(at, true),
    F16: (view, at) => float(view.getUint16(at, true), 5, 10),
    BF16: (view, at) => float(view.getUint16(at, true), 8, 7),
    I64: (view, at) => Number(view.getBigInt64(at, true)),
    I32: (view, at) => view.getInt32(at, true),
    I16: (view, at) => view.getInt16(at, true),
    I8: (view, at) => view.getInt8(at),
    U8: (view, at) => view.getUint8(at),
    BOOL: (view, at) => Math.min(1, view.getUint8(at)),
  };

  /** IEEE 754 of 16 bits. */
  function float(bits: number, exponentBits: number, fractionBits: number): number {
    const sign = bits & 0x8000 ? -1 : 1;
    const [bias, most] = [2 ** (exponentBits - 1) - 1, 2 ** exponentBits - 1];
    const exponent = (bits >> fractionBits) & most;
    const fraction = bits & (2 ** fractionBits - 1);
    if (exponent === most) return fraction ? NaN : sign * Infinity;
    if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
    return sign * (fraction + 2 ** fractionBits) * 2 ** (exponent - bias - fractionBits);
  }

  it('hold what their header says, or are refused', { timeout: patience }, () => {
    const original = pytorchFile('types.safetensors');
    fc.assert(
      fc.property(edits, changes => {
        const mutant = mutate(original, changes);
        const found = outcome(mutant, bytes => readSafetensors(bytes, 'mutant.safetensors'));
        if (!found) return;
        const dataStart = 8 + Number(mutant.readBigUInt64LE());
        const header = JSON.parse(mutant.toString('utf8', 8, dataStart)) as Record<
          string,
          { dtype: string; shape: number[]; data_offsets: [number, number] }
        >;
        delete header.__metadata__;
        expect([...found.tensors.keys()].sort()).toEqual(Object.keys(header).sort());
        const view = new DataView(mutant.buffer, mutant.byteOffset + dataStart);
        for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
          const { values, shape: foundShape } = found.tensors.get(name) as TensorData;
          expect(foundShape).toEqual(shape);
          const size = (offsets[1] - offsets[0]) / values.length;
          for (const [i, number] of values.entries()) {
            expect(Object.is(number, readers[dtype]?.(view, offsets[0] + i * size))).toBe(true);
          }
        }
      }),
      settings,
    );
  });
});

describe('state dicts', () => {
  beforeAll(() => startEngine());

  it('of the authors’ checkpoints, damaged: whole ones, or refused', { timeout: patience }, () => {
    const original = savedLegacy(
      new Map<string, PyTorchValue>([
        ['model_name', 'resnet50'],
        ['patch_size', 96],
        ['flops', [1, 2, 3]],
        ...['model_prime_state_dict', 'model_state_dict', 'fc', 'policy'].map(
          (part): [string, PyTorchValue] => [
            part,
            new Map([
              [`module.${part}.weight`, { dtype: 'float32', shape: [2], values: Float32Array.of(1, 2) }],
            ]),
          ],
        ),
      ]),
    );
    fc.assert(
      fc.property(edits, changes => {
        const mutant = mutate(original, changes);
        const found = outcome(mutant, bytes => readReference(read(bytes), 'mutant.pth.tar'));
        if (found === undefined) return;
        for (const state of Object.values(found.states)) {
          expect(state.size).toBeGreaterThan(0);
          for (const { shape, values } of state.values())
            expect(values.length).toBe(shape.reduce((product, side) => product * side, 1));
        }
      }),
      settings,
    );
  });

  it(
    'with variables lost, renamed, reshaped or spoilt are listed; all others are loaded as they are',
    { timeout: patience },
    () => {
      const network = new StaticNetwork(
        StaticConfig.parse({
          encoder: { name: 'small', widths: [2, 3] },
          side: 8,
          input: 8,
          channels: 1,
          classes: ['a', 'b'],
        }),
      );
      const find = ofEncoder('small');
      const { variables } = network.initialise(stream(1, 'fuzz'));
      const all = Object.entries({ ...variables.parameters, ...variables.statistics });
      const original = new Map(
        all.map(([name, tensor]): [string, TensorData] => {
          const [{ name: theirs, shape } = { name, shape: tensor.shape }] = find(name, tensor.shape);
          const values = Float32Array.from({ length: tensor.size }, (_, i) => i + 1);
          return [theirs, { dtype: 'float32', shape, values }];
        }),
      );
      disposeTree(variables);
      const harms: Readonly<
        Record<string, (name: string, data: TensorData, state: Map<string, TensorData>) => RegExp>
      > = {
        lost: (name, _, state) => (state.delete(name), /missing: /),
        renamed: (name, data, state) => (state.delete(name), state.set(`${name}s`, data), /unexpected: /),
        reshaped: (name, data, state) => (
          state.set(name, { ...data, shape: [...data.shape, 1] }),
          /of another shape or type: /
        ),
        spoilt: (name, { shape, values }, state) => {
          state.set(name, { dtype: 'float32', shape, values: Float32Array.from(values, () => NaN) });
          return /not finite: /;
        },
        whole: () => /^$/,
      };
      const harm = fc.tuple(fc.constantFrom(...Object.keys(harms)), fc.constantFrom(...original.keys()));
      const before = tf.memory().numTensors;
      fc.assert(
        fc.property(harm, ([kind, name]) => {
          const state = new Map(original);
          const message = harms[kind]?.(name, original.get(name) as TensorData, state) ?? /^$/;
          let adopted: Variables | undefined;
          try {
            adopted = adoptBackbone(network, state, 'mutant');
            tally.read++;
          } catch (error) {
            expect(error).toBeInstanceOf(CheckpointError);
            expect((error as CheckpointError).message).toMatch(message);
            expect((error as CheckpointError).message).toContain(name);
            tally.refused++;
          }
          expect(adopted === undefined).toBe(kind !== 'whole');
          if (adopted) {
            for (const [own, tensor] of Object.entries({ ...adopted.parameters, ...adopted.statistics }))
              expect(
                [...tensor.dataSync()].sort((a, b) => a - b),
                own,
              ).toEqual(Array.from({ length: tensor.size }, (_, i) => i + 1));
            disposeTree(adopted);
          }
          expect(tf.memory().numTensors).toBe(before);
        }),
        { numRuns: Math.min(settings.numRuns, 300) },
      );
    },
  );
});

describe('manifests', () => {
  it(
    'are what was saved, or are refused; sealed anew, they are valid or refused',
    { timeout: patience },
    () => {
      const path = join(temporaryFolder(), 'last.json');
      const tensors = { file: 'last-0123.safetensors', bytes: 7, sha256: sha256('') };
      const original = manifestText({
        ...versionContent(3),
        tensors,
        created: new Date(0).toISOString(),
        programVersion: '1.0.0',
      });
      const load = (bytes: Uint8Array): Manifest => {
        writeFileSync(path, bytes);
        return readManifest(path);
      };
      const saved = load(Buffer.from(original));
      fc.assert(
        fc.property(edits, changes => {
          const mutant = mutate(Buffer.from(original), changes);
          const found = outcome(mutant, load);
          if (found) expect(isDeepStrictEqual(found, saved)).toBe(true);
          const sealed = seal(mutant.toString());
          if (sealed === undefined) return;
          const fields = fieldsOf(sealed);
          const accepted = outcome(Buffer.from(sealed), load);
          if (accepted) expect(isDeepStrictEqual(accepted, fields)).toBe(true);
        }),
        settings,
      );
    },
  );

  /** With the right checksum, where it is JSON. */
  function seal(text: string): string | undefined {
    try {
      const fields = fieldsOf(text);
      return JSON.stringify({ ...fields, checksum: sha256(JSON.stringify(fields)) });
    } catch {
      return undefined;
    }
  }

  function fieldsOf(text: string): Record<string, unknown> {
    const fields = JSON.parse(text) as Record<string, unknown>;
    delete fields.checksum;
    return fields;
  }
});
