#!/usr/bin/env node
// Starts the command line: from a clone, it compiles the TypeScript first where that has not been done since it last changed.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const main = join(root, 'dist', 'src', 'cli', 'main.js');
const stamp = join(root, 'dist', 'tsconfig.tsbuildinfo');

function newest(folder) {
  return Math.max(
    ...readdirSync(folder, { recursive: true })
      .filter(name => /\.(ts|css|html)$/.test(name))
      .map(name => statSync(join(folder, name)).mtimeMs),
  );
}

function stale() {
  if (!existsSync(join(root, 'training'))) return false;
  if (!existsSync(main) || !existsSync(stamp)) return true;
  return Math.max(newest(join(root, 'src')), newest(join(root, 'training'))) > statSync(stamp).mtimeMs;
}

function run(...program) {
  const { status } = spawnSync(process.execPath, program, {
    stdio: ['ignore', 'ignore', 'inherit'],
    cwd: root,
  });
  if (status !== 0) process.exit(status ?? 1);
}

if (stale()) {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  run(join(root, 'bundle-page.mjs'));
  run(tsc, '-p', join(root, 'tsconfig.build.json'));
}
await import(main);
