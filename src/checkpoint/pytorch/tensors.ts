/** PyTorch's storages, which are memory, and its tensors, which are views of them. */
import { z } from 'zod';
import { CheckpointError } from '../../errors/index.js';
import type { ByteSource } from '../byte-source.js';
import { elementTypes, type ElementTypeName, type Layout, readElements } from '../element-types.js';
import type { MemoryBudget } from '../memory-budget.js';
import { elements, type TensorData } from '../tensor-data.js';
import { PickleObject, type PickleValue } from './values.js';

/** `torch.FloatStorage` and the like. */
export class StorageType extends PickleObject {
  readonly title: string;

  constructor(
    name: string,
    readonly element: ElementTypeName,
  ) {
    super();
    this.title = `torch.${name}`;
  }
}

/** Memory of so many elements, which is kept outside of the pickle. */
export class Storage extends PickleObject {
  readonly title = 'a storage';

  constructor(
    readonly key: string,
    readonly type: StorageType,
    readonly count: number,
  ) {
    super();
  }

  get byteLength(): number {
    return this.count * elementTypes[this.type.element].bytes;
  }
}

/** A tensor before its memory is read. */
export class TensorView extends PickleObject {
  readonly title = 'a tensor';

  /** @throws CheckpointError where an element of it would lie outside of the storage */
  constructor(
    readonly storage: Storage,
    readonly layout: Layout,
  ) {
    super();
    const { shape, offset, strides } = layout;
    const last = shape.reduce((sum, side, axis) => sum + (side - 1) * (strides[axis] ?? NaN), offset);
    if (shape.length !== strides.length || (elements(shape) > 0 && !(last < storage.count))) {
      throw new CheckpointError({
        problem: 'a tensor reaches beyond its storage',
        given: `shape [${shape.join(', ')}], strides [${strides.join(', ')}], offset ${offset}`,
        allowed: `storage ${storage.key} has ${storage.count} elements`,
      });
    }
  }

  /** @param memory that of its storage */
  read(memory: ByteSource, budget: MemoryBudget): TensorData {
    return readElements(this.storage.type.element, memory, this.layout, budget);
  }
}

const count = z.int().nonnegative();
/** PyTorch itself has at most 64 axes. */
const sizes = z.array(count).max(64);
const hooks = z.instanceof(Map).refine(map => map.size === 0, 'hooks are not read here');
const tensorArguments = z.tuple([
  z.instanceof(Storage),
  count,
  sizes,
  sizes,
  z.boolean(),
  hooks,
  // A conjugated or negated view.
  z.union([z.null(), hooks]).optional(),
]);

/** `torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks, metadata)` */
export function rebuildTensor(args: readonly PickleValue[]): TensorView {
  const [storage, offset, shape, strides] = parseArguments('a tensor', tensorArguments, args);
  return new TensorView(storage, { offset, shape, strides });
}

const parameterArguments = z.tuple([z.instanceof(TensorView), z.boolean(), hooks]);

/** `torch._utils._rebuild_parameter(tensor, requires_grad, hooks)` */
export function rebuildParameter(args: readonly PickleValue[]): TensorView {
  return parseArguments('a parameter', parameterArguments, args)[0];
}

const storageId = z.tuple([
  z.literal('storage'),
  z.instanceof(StorageType),
  z.string(),
  /** Where it was: `cuda:0`. */
  z.string(),
  count,
  /** The legacy format's views of storages, which no version since 0.4 writes. */
  z.null().optional(),
]);

/** The storages that a pickle refers to. */
export class Storages {
  readonly byKey = new Map<string, Storage>();

  /** The storage of `('storage', type, key, location, count)`. */
  persistent(id: PickleValue): Storage {
    const [, type, key, , size] = parseArguments('a storage', storageId, id);
    const known = this.byKey.get(key);
    if (known?.type === type && known.count === size) return known;
    if (known) {
      throw new CheckpointError({
        problem: `storage ${key} is of two sizes or types`,
        given: `${size} elements of ${type.title}`,
        allowed: `${known.count} elements of ${known.type.title}`,
      });
    }
    const storage = new Storage(key, type, size);
    this.byKey.set(key, storage);
    return storage;
  }
}

export function parseArguments<T>(what: string, schema: z.ZodType<T>, args: unknown): T {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data;
  throw new CheckpointError({ problem: `${what} is malformed`, given: z.prettifyError(parsed.error) });
}
