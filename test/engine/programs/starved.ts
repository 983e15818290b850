/** A step that runs out of memory in its first execution; prints, as JSON, what it was told and whether its results are those of one that did not. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { compile } from '../../../src/engine/compile.js';
import { backend, startEngine } from '../../../src/engine/start.js';
import { given, step } from './sines.js';

/** Runs `call`; TensorFlow's first execution of a function in it finds no more memory than the process has, and `bytes`. */
function starvedOnce<T>(bytes: number, call: () => T): T {
  const engine = backend();
  const limit = (most: string): void =>
    void execFileSync('prlimit', [`--pid=${process.pid}`, `--as=${most}:unlimited`]);
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const { executeMultipleOutputs: execute } = engine;
  engine.executeMultipleOutputs = (name, ...rest) => {
    if (!name.startsWith('gfnet_step')) return execute.call(engine, name, ...rest);
    engine.executeMultipleOutputs = execute;
    const virtual = /VmSize:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    limit(String(1024 * Number(virtual?.[1]) + bytes));
    try {
      return execute.call(engine, name, ...rest);
    } finally {
      limit('unlimited');
    }
  };
  return call();
}

startEngine();
// Results of 64 MiB: a small allocation finds room where one of them does not.
const size = 2 ** 26;
const { weights, batch } = given(size / 4);
const told: [number, number][] = [];
const memory = {
  free: () => Infinity,
  onRecompute: (all: number, less: number) => void told.push([all, less]),
};
const compiled = compile(step, { memory });
const bits = ({ loss, gradients }: ReturnType<typeof compiled>): string[] =>
  [loss, ...Object.values(gradients)].map(tensor => {
    const { buffer } = tensor.dataSync<'float32'>().slice();
    return Buffer.from(buffer).toString('base64');
  });
const results = bits(starvedOnce(1.5 * size, () => compiled(weights, batch)));
const plain = bits(compile(step)(weights, batch));
const same = plain.every((value, i) => value === results[i]);
process.stdout.write(JSON.stringify({ size, told, same }));
