/**
 * Python's pickle format, protocols 2 to 5, as far as torch.save writes it: a program for a small stack machine,
 * https://github.com/python/cpython/blob/main/Lib/pickletools.py. It can name objects, but only the host's exist.
 */
import { CheckpointError } from '../../errors/index.js';
import type { MemoryBudget } from '../memory-budget.js';
import type { ByteReader } from './byte-reader.js';
import { type PickleHost, PickleMachine } from './machine.js';
import type { PickleValue } from './values.js';

const stop = '.'.charCodeAt(0);

type Operation = (machine: PickleMachine) => void;

/** By their byte; a name of one character is that character's. */
const operations = new Map<number, Operation>(
  (
    [
      // Frames
      [0x80, m => requireProtocol(m.reader.uint8())],
      [0x95, m => m.reader.uint64()],
      // Constants
      ['N', m => m.push(null)],
      [0x88, m => m.push(true)],
      [0x89, m => m.push(false)],
      ['J', m => m.push(m.reader.int32())],
      ['K', m => m.push(m.reader.uint8())],
      ['M', m => m.push(m.reader.uint16())],
      [0x8a, m => m.pushInteger(m.reader.uint8())],
      [0x8b, m => m.pushInteger(m.reader.uint32())],
      ['G', m => m.push(m.reader.float64BigEndian())],
      [0x8c, m => m.pushText(m.reader.uint8())],
      ['X', m => m.pushText(m.reader.uint32())],
      [0x8d, m => m.pushText(m.reader.uint64())],
      // Python 2's str
      ['U', m => m.pushText(m.reader.uint8())],
      ['T', m => m.pushText(m.reader.uint32())],
      ['C', m => m.pushBytes(m.reader.uint8())],
      ['B', m => m.pushBytes(m.reader.uint32())],
      [0x8e, m => m.pushBytes(m.reader.uint64())],
      // Lists, tuples and dictionaries
      [']', m => m.pushList()],
      [')', m => m.pushList()],
      ['l', m => m.pushList(m.popMark())],
      ['t', m => m.pushList(m.popMark())],
      [0x85, m => m.pushList(m.popMany(1))],
      [0x86, m => m.pushList(m.popMany(2))],
      [0x87, m => m.pushList(m.popMany(3))],
      ['a', m => m.appendAll(m.popMany(1))],
      ['e', m => m.appendAll(m.popMark())],
      ['}', m => m.pushMap()],
      ['s', m => m.setAll(m.popMany(2))],
      ['u', m => m.setAll(m.popMark())],
      // Stack and memo
      ['(', m => m.mark()],
      ['0', m => void m.pop()],
      ['1', m => void m.popMark()],
      ['2', m => m.push(m.top())],
      ['q', m => m.remember(m.reader.uint8())],
      ['r', m => m.remember(m.reader.uint32())],
      [0x94, m => m.remember()],
      ['h', m => m.recall(m.reader.uint8())],
      ['j', m => m.recall(m.reader.uint32())],
      // Objects
      ['c', m => m.push(m.host.global(m.reader.line(), m.reader.line()))],
      [0x93, m => pushGlobal(m)],
      ['Q', m => m.push(m.host.persistent(m.pop()))],
      ['R', m => m.call()],
      ['b', m => m.build()],
    ] as [string | number, Operation][]
  ).map(([code, operation]) => [typeof code === 'string' ? code.charCodeAt(0) : code, operation]),
);

/** The value of the pickle that begins where `reader` stands; it then stands behind its end. */
export function unpickle(reader: ByteReader, host: PickleHost, budget: MemoryBudget): PickleValue {
  const machine = new PickleMachine(reader, host, budget);
  for (let code = reader.uint8(); code !== stop; code = reader.uint8()) {
    const operation = operations.get(code);
    if (!operation) {
      throw new CheckpointError({
        problem: 'its pickle has an operation that is not read here',
        given: `0x${code.toString(16)} at byte ${reader.position - 1}`,
        allowed: 'what torch.save writes, with pickle protocol 2 to 5',
      });
    }
    operation(machine);
  }
  return machine.result();
}

function requireProtocol(protocol: number): void {
  if (protocol >= 2 && protocol <= 5) return;
  throw new CheckpointError({
    problem: 'unknown pickle protocol',
    given: String(protocol),
    allowed: '2 to 5',
  });
}

function pushGlobal(machine: PickleMachine): void {
  const name = machine.popText();
  machine.push(machine.host.global(machine.popText(), name));
}
