/** How threads are shared out. */
import { availableParallelism } from 'node:os';

/** Of each of so many workers; one at least. @param threads of all together; all cores when absent */
export function threadsOfEach(workers: number, threads = availableParallelism()): number {
  return Math.max(1, Math.floor(threads / workers));
}
