/** Starts `gfnet serve` as a user does, on a port that is free. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { launcher } from '../cli/support.js';

export interface Running {
  readonly url: string;
  readonly process: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  /** The process ids of its children. */
  children(): number[];
  /** Until it has printed `text`. */
  printed(text: string): Promise<void>;
}

export async function startServer(bundle: string, ...args: readonly string[]): Promise<Running> {
  const child = spawn(process.execPath, [launcher, 'serve', bundle, '--port', '0', ...args]);
  let text = '';
  const changed: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (const tell of changed.splice(0)) tell();
    });
  }
  const printed = async (wanted: string): Promise<void> => {
    while (!text.includes(wanted)) {
      if (child.exitCode !== null) throw new Error(`the server ended: ${text}`);
      await Promise.race([new Promise<void>(resolve => changed.push(resolve)), once(child, 'exit')]);
    }
  };
  await printed('listening on');
  const [, url = ''] = /listening on (\S+)/.exec(text) ?? [];
  const tasks = `/proc/${child.pid ?? 0}/task/${child.pid ?? 0}/children`;
  return {
    url,
    process: child,
    output: () => text,
    children: () => readFileSync(tasks, 'utf8').trim().split(' ').map(Number),
    printed,
  };
}

/** Until it has ended; its exit code. */
export async function ended({ process: child }: Running): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}
