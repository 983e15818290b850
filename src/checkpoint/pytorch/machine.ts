/** The state of Python's pickle machine: a stack with marks, and a memo of what may be used again. */
import { CheckpointError } from '../../errors/index.js';
import type { MemoryBudget } from '../memory-budget.js';
import { type ByteReader, textOf } from './byte-reader.js';
import { kindOf, PickleObject, type PickleValue } from './values.js';

/** What a place on the stack may take, with the number there and its place in a list; or a place in the memo. */
const valueBytes = 64;
/** What a list may take besides. */
const listBytes = 128;
/** What a dictionary, bytes or the result of a call may take besides. */
const objectBytes = 256;

/** What a pickle may refer to. */
export interface PickleHost {
  /** The object that Python would import. */
  global(module: string, name: string): PickleValue;
  /** The object that is kept outside of the pickle. */
  persistent(id: PickleValue): PickleValue;
}

export class PickleMachine {
  readonly #stack: PickleValue[] = [];
  /** How high the stack was at each mark. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(
    readonly reader: ByteReader,
    readonly host: PickleHost,
    readonly budget: MemoryBudget,
  ) {}

  push(value: PickleValue): void {
    this.budget.take(valueBytes);
    this.#stack.push(value);
  }

  pushText(length: number): void {
    const utf8 = this.reader.take(length);
    this.budget.take(2 * length);
    this.push(textOf(utf8));
  }

  pushBytes(length: number): void {
    this.budget.take(objectBytes);
    this.push(this.reader.take(length));
  }

  pushList(values: PickleValue[] = []): void {
    this.budget.take(listBytes);
    this.push(values);
  }

  pushMap(): void {
    this.budget.take(objectBytes);
    this.push(new Map());
  }

  /** A whole number of `length` bytes, least significant first, two's complement. */
  pushInteger(length: number): void {
    const longest = 64;
    if (length > longest) {
      throw new CheckpointError({
        problem: 'it holds an enormous whole number',
        given: `${length} bytes`,
        allowed: `${longest} bytes`,
      });
    }
    const digits = Buffer.from(this.reader.take(length)).reverse().toString('hex');
    const value = BigInt.asIntN(8 * length, BigInt(`0x0${digits}`));
    const number = Number(value);
    this.push(Number.isSafeInteger(number) ? number : value);
  }

  pop(): PickleValue {
    this.top();
    return this.#stack.pop() as PickleValue;
  }

  /** What was pushed last, after the last mark. */
  top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined || this.#stack.length <= (this.#marks.at(-1) ?? 0)) {
      throw new CheckpointError({ problem: 'its pickle takes a value that is not there' });
    }
    return value;
  }

  popList(): PickleValue[] {
    const value = this.pop();
    if (Array.isArray(value)) return value;
    throw new CheckpointError({
      problem: 'its pickle takes something else for a list',
      given: kindOf(value),
    });
  }

  popText(): string {
    const value = this.pop();
    if (typeof value === 'string') return value;
    throw new CheckpointError({
      problem: 'its pickle takes something else for a text',
      given: kindOf(value),
    });
  }

  /** The last `count` values, first pushed first. */
  popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  mark(): void {
    this.budget.take(valueBytes);
    this.#marks.push(this.#stack.length);
  }

  /** The values since the last mark, which is taken away. */
  popMark(): PickleValue[] {
    const height = this.#marks.pop();
    if (height === undefined)
      throw new CheckpointError({ problem: 'its pickle takes a mark that is not there' });
    return this.#stack.splice(height);
  }

  remember(index = this.#memo.size): void {
    this.budget.take(valueBytes);
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) {
      throw new CheckpointError({
        problem: 'its pickle recalls what it never remembered',
        given: String(index),
      });
    }
    this.push(value);
  }

  appendAll(values: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) {
      throw new CheckpointError({ problem: 'its pickle appends to what is no list', given: kindOf(list) });
    }
    for (const value of values) list.push(value);
  }

  /** @param entries keys and values in turn */
  setAll(entries: readonly PickleValue[]): void {
    const map = this.top();
    if (!(map instanceof Map) || entries.length % 2 > 0) {
      throw new CheckpointError({ problem: 'its pickle sets an entry of no dictionary', given: kindOf(map) });
    }
    for (let i = 0; i < entries.length; i += 2) {
      const [key = null, value = null] = [entries[i], entries[i + 1]];
      if (typeof key !== 'string' && typeof key !== 'number') {
        throw new CheckpointError({
          problem: 'a key of a dictionary is neither text nor a number',
          given: kindOf(key),
        });
      }
      if (map.has(key)) {
        throw new CheckpointError({ problem: 'a key occurs twice in a dictionary', given: String(key) });
      }
      map.set(key, value);
    }
  }

  call(): void {
    const args = this.popList();
    const callee = this.pop();
    if (!(callee instanceof PickleObject)) {
      throw new CheckpointError({ problem: 'its pickle calls what is no function', given: kindOf(callee) });
    }
    this.budget.take(objectBytes);
    this.push(callee.call(args));
  }

  build(): void {
    const state = this.pop();
    const object = this.top();
    if (object instanceof PickleObject) object.setState(state);
    else if (!isModuleMetadata(object, state)) {
      throw new CheckpointError({
        problem: 'its pickle gives a state to what takes none',
        given: `${kindOf(state)} for ${kindOf(object)}`,
      });
    }
  }

  /** The one value that is left at the end. */
  result(): PickleValue {
    if (this.#stack.length === 1 && this.#marks.length === 0) return this.pop();
    throw new CheckpointError({
      problem: 'its pickle ends with other than one value',
      given: `${this.#stack.length} values`,
    });
  }
}

/** A state dict's attribute `_metadata` holds versions of modules, which say nothing of its tensors. */
function isModuleMetadata(object: PickleValue, state: PickleValue): boolean {
  return object instanceof Map && state instanceof Map && [...state.keys()].every(key => key === '_metadata');
}
