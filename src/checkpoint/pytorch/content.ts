/** From what a file says to plain values: tensors are read from their storages. */
import { CheckpointError } from '../../errors/index.js';
import type { ByteSource } from '../byte-source.js';
import type { MemoryBudget } from '../memory-budget.js';
import type { TensorData } from '../tensor-data.js';
import { type Storage, TensorView } from './tensors.js';
import { kindOf, type PickleValue } from './values.js';

/** Tuples are arrays too. Whole numbers beyond 2^53 are bigints. What occurs twice in the file is one object here. */
export type PyTorchValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | TensorData
  | readonly PyTorchValue[]
  | ReadonlyMap<string | number, PyTorchValue>;

/** What either format's file says. */
export interface PyTorchContent {
  readonly value: PickleValue;
  readonly memory: ReadonlyMap<Storage, StorageMemory>;
}

/** The bytes of a storage, which are checked and read once they are needed. */
export interface StorageMemory {
  readonly length: number;
  /** @throws CheckpointError where they were altered */
  open(): ByteSource;
}

const maxDepth = 100;

/**
 * The plain value, which may be walked as a tree: it is at most 100 deep, and has no more nodes than the file has bytes,
 * with what occurs twice counted twice.
 *
 * @throws CheckpointError where it is not so, or a storage is of another size than its tensors were made for
 */
export function plainValue({ value, memory }: PyTorchContent, budget: MemoryBudget): PyTorchValue {
  for (const [storage, bytes] of memory) requireSize(storage, bytes);
  return new Visitor(memory, budget).visit(value, 0);
}

function requireSize(storage: Storage, bytes: StorageMemory): void {
  if (bytes.length === storage.byteLength) return;
  throw new CheckpointError({
    problem: `storage ${storage.key} is of another size than the file says`,
    given: `${bytes.length} bytes`,
    allowed: `${storage.byteLength} bytes: ${storage.count} elements of ${storage.type.title}`,
  });
}

/** Of a value as a tree. */
interface Extent {
  /** How many containers are within one another. */
  readonly depth: number;
  readonly nodes: number;
}

const leaf: Extent = { depth: 0, nodes: 1 };

class Visitor {
  /** Of each list, dictionary and tensor what it became; undefined while what it holds is visited. */
  readonly #visited = new Map<PickleValue, PyTorchValue | undefined>();
  /** The storages that a tensor was read of. */
  readonly #open = new Map<Storage, ByteSource>();
  readonly #extents = new Map<PickleValue, Extent>();

  constructor(
    readonly memory: PyTorchContent['memory'],
    readonly budget: MemoryBudget,
  ) {}

  /** @param above how many containers it is in */
  visit(value: PickleValue, above: number): PyTorchValue {
    if (value === null || typeof value !== 'object') return value;
    if (above > maxDepth) throw tooDeep();
    const known = this.#visited.get(value);
    if (known !== undefined) return known;
    if (this.#visited.has(value)) {
      throw new CheckpointError({ problem: 'a list or dictionary in it holds itself' });
    }
    this.#visited.set(value, undefined);
    const plain = this.#visitObject(value, above);
    this.#visited.set(value, plain);
    return plain;
  }

  #visitObject(value: PickleValue & object, above: number): PyTorchValue {
    if (value instanceof TensorView) return this.#tensor(value);
    if (Array.isArray(value)) {
      const plain = value.map(item => this.visit(item, above + 1));
      this.#measure(value, value);
      return plain;
    }
    if (value instanceof Map) {
      const plain = new Map<string | number, PyTorchValue>();
      for (const [key, item] of value) plain.set(key, this.visit(item, above + 1));
      this.#measure(value, value.values());
      return plain;
    }
    throw new CheckpointError({
      problem: 'it holds something other than tensors and plain values',
      given: kindOf(value),
    });
  }

  #tensor(view: TensorView): TensorData {
    const { storage } = view;
    const memory = this.memory.get(storage);
    if (!memory) throw new CheckpointError({ problem: `storage ${storage.key} is missing` });
    const bytes = this.#open.get(storage) ?? memory.open();
    this.#open.set(storage, bytes);
    return view.read(bytes, this.budget);
  }

  #measure(container: PickleValue, items: Iterable<PickleValue>): void {
    let [depth, nodes] = [1, 1];
    for (const item of items) {
      const extent = this.#extents.get(item) ?? leaf;
      depth = Math.max(depth, extent.depth + 1);
      nodes += extent.nodes;
    }
    if (depth > maxDepth) throw tooDeep();
    if (nodes > this.budget.fileBytes) {
      throw new CheckpointError({
        problem: 'its lists and dictionaries hold one another over and over',
        given: `${nodes} values in all`,
        allowed: `${this.budget.fileBytes}, its size in bytes`,
      });
    }
    this.#extents.set(container, { depth, nodes });
  }
}

function tooDeep(): CheckpointError {
  return new CheckpointError({
    problem: 'it is nested too deep',
    allowed: `${maxDepth} lists and dictionaries`,
  });
}
