/** Starts `gfnet serve` as a user does, on a port that is free, and asks it. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Prediction } from '../../src/predict/prediction.js';
import { gfnet, launcher } from '../cli/support.js';

export const packaged = join(import.meta.dirname, '../../checkpoints/cluttered-60');
export const example = readFileSync(join(packaged, 'example.png'));
export const png = { 'content-type': 'image/png' };
export const json = { 'content-type': 'application/json' };

/** The packaged model, exported into `folder`; its path. */
export function exported(folder: string): string {
  const bundle = join(folder, 'digits');
  expect(gfnet(folder, 'export', packaged, '--out', bundle).code).toBe(0);
  return bundle;
}

interface Started {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  readonly output: () => string;
  /** Until it prints more. */
  readonly more: () => Promise<void>;
}

export interface Running extends Omit<Started, 'more'> {
  readonly url: string;
  /** The process ids of its children. */
  children(): number[];
  /** Until it has printed `text`. */
  printed(text: string): Promise<void>;
}

/** With any port that is free, unless `args` say otherwise. */
export function start(bundle: string, args: readonly string[], options: SpawnOptions = {}): Started {
  const child = spawn(process.execPath, [launcher, 'serve', bundle, '--port', '0', ...args], options);
  let text = '';
  const changed: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (const tell of changed.splice(0)) tell();
    });
  }
  const more = (): Promise<void> => new Promise(resolve => changed.push(resolve));
  return { process: child, output: () => text, more };
}

export async function startServer(bundle: string, ...args: readonly string[]): Promise<Running> {
  const { process: child, output, more } = start(bundle, args);
  const printed = async (wanted: string): Promise<void> => {
    while (!output().includes(wanted)) {
      if (child.exitCode !== null) throw new Error(`the server ended: ${output()}`);
      await Promise.race([more(), once(child, 'exit')]);
    }
  };
  await printed('listening on');
  const [, url = ''] = /listening on (\S+)/.exec(output()) ?? [];
  const tasks = `/proc/${child.pid ?? 0}/task/${child.pid ?? 0}/children`;
  return {
    url,
    process: child,
    output,
    children: () => readFileSync(tasks, 'utf8').trim().split(' ').map(Number),
    printed,
  };
}

/** Until it has ended; its exit code. */
export async function ended({ process: child }: Running): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

export type Body = string | Buffer | FormData;

export function post(
  { url }: Running,
  body: Body,
  headers: Record<string, string> = {},
  query = 'threshold=1',
): Promise<Response> {
  return fetch(`${url}/predict?${query}`, { method: 'POST', body, headers });
}

export async function predictions(response: Promise<Response>): Promise<Prediction[]> {
  const answer = await response;
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { predictions: Prediction[] }).predictions;
}

/** What the server counted under each name, labels included; 0 where it counted nothing. */
export async function metrics(
  { url }: Running,
  names: readonly string[],
  headers: Record<string, string> = {},
): Promise<number[]> {
  const lines = (await (await fetch(`${url}/metrics`, { headers })).text()).split('\n');
  return names.map(name => {
    expect(lines.some(line => line.startsWith(`# TYPE ${name.replace(/_(sum|count)$|\{.*/, '')} `))).toBe(
      true,
    );
    return Number(lines.find(line => line.startsWith(`${name} `))?.slice(name.length) ?? 0);
  });
}

export async function metric(server: Running, name: string): Promise<number> {
  return (await metrics(server, [name]))[0] ?? expect.fail();
}
