/** A worker of streams that adds up, in memory that it is given, how long sessions ran. */
import { getEnvironmentData } from 'node:worker_threads';
import { insideKey, timeSessions } from './timed-sessions.js';

const inside = new BigInt64Array(getEnvironmentData(insideKey) as SharedArrayBuffer);
timeSessions(milliseconds => Atomics.add(inside, 0, BigInt(Math.round(1000 * milliseconds))));
await import('../src/predict/stream-worker.js');
