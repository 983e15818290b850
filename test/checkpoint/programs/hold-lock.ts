/** Takes the lock it is given the path of, says so, and keeps it until it is killed. */
import { writeSync } from 'node:fs';
import { acquireLock } from '../../../src/checkpoint/lock.js';

acquireLock(process.argv[2] ?? 'lock');
writeSync(1, 'locked\n');
setInterval(() => undefined, 1000);
