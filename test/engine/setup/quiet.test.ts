import { spawnSync } from 'node:child_process';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { bindingKey } from '../../../src/engine/setup/binding.js';
import { compileProgram } from '../../checkpoint/support.js';
import { target } from './scratch.js';

let program: string;
beforeAll(() => {
  program = compileProgram('test/engine/setup/programs/multiply', ['src/errors', 'src/engine']);
});

/** What the program `multiply` writes, run with the installed engine. */
function multiply(level: string | undefined, ...args: string[]): { stdout: string; stderr: string } {
  return spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: level },
  });
}

describe.skipIf(target.quietLibrary === undefined)('the quiet library', () => {
  it('lets a process start the engine and compute without a word on stderr', () => {
    expect(multiply(undefined)).toMatchObject({ stdout: '17 39\n', stderr: '' });
  });

  it('lets the errors through that TensorFlow logs', async () => {
    const jpeg = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer();
    const truncated = jpeg.subarray(0, -10).toString('base64');
    expect(multiply(undefined, truncated).stderr).toMatch(/^E\d+ .*Premature end of JPEG data/m);
  });

  it('shows what is logged while TensorFlow loads to who asks for it', () => {
    expect(multiply('0').stderr).toMatch(/^I\d+ .*oneDNN custom operations are on/m);
  });

  it('is part of what names a binding', () => {
    const { quietLibrary, ...without } = target;
    expect(quietLibrary).toBeDefined();
    expect(bindingKey(without)).not.toBe(bindingKey(target));
  });
});
