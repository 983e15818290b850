/** Python with pip: what fetches TensorFlow's wheel and unpacks it. */
import { setupError } from './errors.js';
import { lastLines, runProgram } from './program.js';

export const python = 'python3';

/** @throws EngineError when there is no python3, when it does not run, or when it has no pip */
export async function requirePip(env: NodeJS.ProcessEnv): Promise<void> {
  const run = await runProgram(python, ['-m', 'pip', '--version'], { env });
  if (!run) {
    throw setupError({
      problem: 'python3 is not found; it downloads TensorFlow',
      given: `PATH=${env.PATH ?? ''}`,
      mend: 'install it: `apt install python3 python3-pip`, `dnf install python3-pip` or `brew install python`',
    });
  }
  if (run.code === 0) return;
  if (run.output.includes('No module named pip')) {
    throw setupError({
      problem: 'python3 has no pip; it downloads TensorFlow',
      mend: 'install it: `apt install python3-pip`, or `python3 -m ensurepip --upgrade`',
    });
  }
  throw setupError({
    problem: 'python3 does not run pip',
    given: lastLines(run.output),
    mend: 'mend `python3 -m pip --version`',
  });
}
