/** Runs the command line as a user does: a process of its own, from the launcher. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const launcher = join(import.meta.dirname, '../../src/cli/gfnet.js');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function gfnet(cwd: string, ...args: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], {
    cwd,
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

/** A configuration that trains in a second. */
export const tinyConfig = {
  data: {
    kind: 'cluttered-digits',
    canvas: 40,
    clutter: 1,
    train: 96,
    validation: 20,
    test: 20,
    canvasesPerDigit: 2,
  },
  network: {
    patch: 20,
    steps: 3,
    encoder: { name: 'small', widths: [4, 6] },
    classifier: { kind: 'gru', hidden: 8 },
    policy: { hidden: 8 },
  },
  batchSize: 16,
  stage1: { epochs: 1, encoderRate: 0.05, classifierRate: 0.05 },
  stage2: { epochs: 1 },
  stage3: { epochs: 1, encoderRate: 0.01, classifierRate: 0.01 },
  static: { epochs: 1, encoderRate: 0.05, input: 40 },
};

/** Writes `tinyConfig`, changed, to a file in `folder`; its name. */
export function writeConfig(folder: string, name: string, change: object = {}): string {
  writeFileSync(join(folder, name), JSON.stringify({ ...tinyConfig, ...change }));
  return name;
}
