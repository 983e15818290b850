/** What the pickle machine computes with: plain values, and the few objects of the allowlist. */
import { CheckpointError } from '../../errors/index.js';

/** Lists and tuples are arrays, dictionaries are maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleObject
  | PickleValue[]
  | Map<string | number, PickleValue>;

/** Neither called nor given a state, unless its class says how. */
export abstract class PickleObject {
  /** What it is, for error messages. */
  abstract readonly title: string;

  /** Python's `object(*args)`. */
  call(args: readonly PickleValue[]): PickleValue {
    throw new CheckpointError({
      problem: `${this.title} cannot be called`,
      given: `${args.length} arguments`,
    });
  }

  /** Python's `object.__setstate__(state)`. */
  setState(state: PickleValue): void {
    throw new CheckpointError({ problem: `${this.title} takes no state`, given: kindOf(state) });
  }
}

/** A function of the allowlist. */
export class PickleFunction extends PickleObject {
  constructor(
    readonly title: string,
    override readonly call: (args: readonly PickleValue[]) => PickleValue,
  ) {
    super();
  }
}

export function kindOf(value: PickleValue): string {
  if (value === null) return 'None';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Map) return 'a dictionary';
  if (value instanceof Uint8Array) return 'bytes';
  return value instanceof PickleObject ? value.title : `a ${typeof value}`;
}
