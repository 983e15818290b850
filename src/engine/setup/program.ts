/** Runs other programs (python3, the compiler, node) and keeps what they said. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ProgramRun {
  /** The exit code; `null` when a signal ended the program. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** Standard output and standard error as they came. */
  readonly output: string;
}

export interface ProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Called with each line of standard output as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Runs a program to its end; `undefined` when there is none of that name on the PATH. */
export function runProgram(
  command: string,
  args: readonly string[],
  { env, cwd, onLine }: ProgramOptions,
): Promise<ProgramRun | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      output += text;
    });
    if (onLine) createInterface(child.stdout).on('line', onLine);
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    child.on('close', (code, signal) => resolve({ code, signal, stdout, output }));
  });
}

/** The end of a program's output, for an error message. */
export function lastLines(output: string, count = 8): string {
  return output.trimEnd().split('\n').slice(-count).join('\n           ');
}

/** Whether a program ended because the disk was full. */
export function saysDiskFull({ output }: ProgramRun): boolean {
  return /No space left on device|Disk quota exceeded/.test(output);
}
