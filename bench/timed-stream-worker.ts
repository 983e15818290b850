/** A worker of streams that tells on a channel how long each run of a session took. */
import { BroadcastChannel } from 'node:worker_threads';
import { timesChannel, timeSessions } from './timed-sessions.js';

const channel = new BroadcastChannel(timesChannel);
channel.unref();
timeSessions(milliseconds => channel.postMessage(milliseconds));
await import('../src/predict/stream-worker.js');
