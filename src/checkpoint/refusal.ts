/** Says of what a refusal speaks: a reader deep in a file knows what is wrong, its caller which file. */
import { CheckpointError } from '../errors/index.js';

/** What `action` returns; the problem of a CheckpointError that it throws is told after `subject` and a colon. */
export function speakingOf<T>(subject: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    const { explanation } = error;
    throw new CheckpointError({ ...explanation, problem: `${subject}: ${explanation.problem}` });
  }
}
