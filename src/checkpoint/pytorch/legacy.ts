/** torch.save's format before PyTorch 1.6: five pickles one after the other, then the storages. */
import { z } from 'zod';
import { CheckpointError } from '../../errors/index.js';
import type { ByteSource } from '../byte-source.js';
import { partOf } from '../byte-source.js';
import type { MemoryBudget } from '../memory-budget.js';
import { ByteReader } from './byte-reader.js';
import type { PyTorchContent, StorageMemory } from './content.js';
import { globalOf } from './globals.js';
import type { PickleHost } from './machine.js';
import { unpickle } from './pickle.js';
import { parseArguments, type Storage, Storages } from './tensors.js';
import { kindOf, type PickleValue } from './values.js';

const magic = 0x1950a86a20f9469cfc6cn;
const protocol = 1001;

export function readLegacy(bytes: ByteSource, budget: MemoryBudget): PyTorchContent {
  const reader = new ByteReader(bytes);
  const storages = new Storages();
  const host: PickleHost = { global: globalOf, persistent: id => storages.persistent(id) };
  const next = (): PickleValue => unpickle(reader, host, budget);
  requireMagic(next);
  requireProtocol(next());
  requireLittleEndian(next());
  const value = next();
  const keys = parseArguments('the list of storages', z.array(z.string()), next());
  const memory = new Map<Storage, StorageMemory>();
  for (const key of keys) {
    const storage = storages.byKey.get(key);
    if (!storage || memory.has(storage)) {
      throw new CheckpointError({ problem: `storage ${key} has no tensor, or occurs twice` });
    }
    const begin = passStorage(reader, storage);
    const length = storage.byteLength;
    memory.set(storage, { length, open: () => partOf(bytes, begin, length) });
  }
  if (reader.remaining > 0) {
    throw new CheckpointError({
      problem: 'something follows its storages',
      given: `${reader.remaining} bytes`,
    });
  }
  return { value, memory };
}

/** What is not even a pickle is of another format. */
function requireMagic(next: () => PickleValue): void {
  let found: PickleValue = null;
  let cause: unknown;
  try {
    found = next();
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    cause = error;
  }
  if (found === magic) return;
  throw new CheckpointError({
    problem: 'it is neither of the formats of torch.save',
    allowed: 'a ZIP archive (since PyTorch 1.6), or the format before it',
    mend: 'give a file that torch.save has written',
    cause,
  });
}

function requireProtocol(found: PickleValue): void {
  if (found === protocol) return;
  throw new CheckpointError({
    problem: 'it is of an unknown version of the format before PyTorch 1.6',
    given: typeof found === 'number' ? String(found) : kindOf(found),
    allowed: String(protocol),
  });
}

function requireLittleEndian(system: PickleValue): void {
  if (system instanceof Map && system.get('little_endian') === true) return;
  throw new CheckpointError({ problem: 'its byte order is not read here', allowed: 'little-endian' });
}

/** Its number of elements, and their bytes. @returns where those begin */
function passStorage(reader: ByteReader, storage: Storage): number {
  const count = reader.uint64();
  if (count !== storage.count) {
    throw new CheckpointError({
      problem: `storage ${storage.key} is of another size than the file says`,
      given: `${count} elements`,
      allowed: `${storage.count} elements of ${storage.type.title}`,
    });
  }
  return reader.skip(storage.byteLength);
}
