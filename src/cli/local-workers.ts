/** `--local-workers N`: starts the processes that train together on this machine, and ends when they do. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { passedOver } from '../data/images/open.js';
import { exitCodes } from '../errors/index.js';
import { threadsOfEach } from '../predict/threads.js';

/** How long those that are left may take to find out and stop by themselves, in ms. */
const grace = 20_000;

/** How a worker ended: by itself with a code, or by a signal. */
interface End {
  readonly task: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it said, where nobody has seen it. */
  readonly said: string;
}

/**
 * Runs this same command line as so many workers; the first one's output is shown.
 * @returns the exit code
 */
export async function runLocalWorkers(count: number, threads: number | undefined): Promise<number> {
  const ports = await freePorts(count);
  const workers = ports.map(port => `127.0.0.1:${port}`).join();
  const [program = '', ...given] = process.argv.slice(1);
  const each = threads ?? threadsOfEach(count);
  const shared = [...withoutLocalWorkers(given), '--workers', workers, '--threads', String(each)];
  const children = ports.map((_, task) => start([program, ...shared, '--task', String(task)], task));
  const forward = (signal: NodeJS.Signals) => (): void => {
    for (const { process: child } of children) child.kill(signal);
  };
  const [interrupt, terminate] = [forward('SIGINT'), forward('SIGTERM')];
  process.on('SIGINT', interrupt).on('SIGTERM', terminate).on('SIGHUP', terminate);
  let timer: NodeJS.Timeout | undefined;
  const ends: End[] = [];
  try {
    await Promise.all(
      children.map(async ({ end }) => {
        ends.push(await end);
        if (ends.at(-1)?.code !== 0) timer ??= setTimeout(forward('SIGKILL'), grace);
      }),
    );
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', interrupt).off('SIGTERM', terminate).off('SIGHUP', terminate);
  }
  return judged(ends);
}

/** Whether this process is a worker that `--local-workers` started; where the launcher ends, `process` tells of a disconnect. */
export const isLocalWorker = (): boolean => process.connected;

/** Workers are in process groups of their own: a terminal's Ctrl-C would else reach them twice. */
function start(args: readonly string[], task: number): { process: ChildProcess; end: Promise<End> } {
  const stdio = task === 0 ? 'inherit' : 'pipe';
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    stdio: ['ignore', stdio, stdio, 'ipc'],
    detached: true,
  });
  let said = '';
  child.stdout?.resume();
  if (child.stderr)
    createInterface({ input: child.stderr }).on('line', line => {
      said = `${said}${line}\n`.slice(-4000);
      // What only this worker has seen, of its share of the files.
      if (line.startsWith(passedOver)) process.stderr.write(`${line}\n`);
    });
  const end = once(child, 'close').then(([code, signal]: (number | string | null)[]) => ({
    task,
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    said,
  }));
  return { process: child, end };
}

/** The first that failed for a reason of its own decides; it is told, unless the one that is shown tells the like. */
function judged(ends: readonly End[]): number {
  const failed = ends.filter(({ code }) => code !== 0);
  const causes = failed.filter(({ code }) => code !== exitCodes.workerLost);
  const [cause] = causes.length > 0 ? causes : failed;
  if (!cause) return exitCodes.ok;
  const { task, code, signal, said } = cause;
  if (signal) process.stderr.write(`worker ${task} was ended by ${signal}\n${said}`);
  else if (!causes.some(({ task }) => task === 0))
    process.stderr.write(`worker ${task} ended with exit code ${code}:\n${said}`);
  return code ?? exitCodes.workerLost;
}

function withoutLocalWorkers(args: readonly string[]): string[] {
  const at = args.findIndex(arg => /^--local-workers(=|$)/.test(arg));
  const length = args[at]?.includes('=') ? 1 : 2;
  return args.filter((_, i) => i < at || i >= at + length);
}

/** Of this machine, which no program listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map(server => once(server, 'listening')));
  const ports = servers.map(server => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(server => once(server.close(), 'close')));
  return ports;
}
