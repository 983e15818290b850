import { mkdirSync, writeFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderBytes, requireSpace } from '../../../src/engine/setup/disk.js';
import { explainFileError } from '../../../src/engine/setup/errors.js';
import { EngineError } from '../../../src/errors/index.js';
import { engineErrorOf, temporaryFolder } from './scratch.js';

describe('requireSpace', () => {
  it('refuses what no disk holds and says how much is needed', async () => {
    await requireSpace(temporaryFolder(), 1);
    const { message } = await engineErrorOf(requireSpace(temporaryFolder(), 1e21));
    expect(message).toContain('at least 1000000000000000 MB');
    expect(message).toContain('GFNET_CACHE');
  });
});

describe('folderBytes', () => {
  it('sums the files below a folder, or those of one kind', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'a', 'b'), { recursive: true });
    writeFileSync(join(folder, 'one.whl'), 'x'.repeat(10));
    writeFileSync(join(folder, 'a', 'b', 'two.txt'), 'x'.repeat(7));
    expect(await folderBytes(folder)).toBe(17);
    expect(await folderBytes(folder, '.whl')).toBe(10);
    expect(await folderBytes(join(folder, 'none'))).toBe(0);
  });
});

describe('explainFileError', () => {
  it('explains a full disk and leaves other errors alone', () => {
    const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
    const explained = explainFileError(full, '/the/cache');
    expect(explained).toBeInstanceOf(EngineError);
    expect((explained as EngineError).message).toContain('the disk is full\n  given:   /the/cache');
    const other = new TypeError('a bug');
    expect(explainFileError(other, '/the/cache')).toBe(other);
  });

  it('blames the folder that a link cannot be put into, not what it leads to', async () => {
    const folder = temporaryFolder();
    const [cache, file] = [join(folder, 'cache'), join(folder, 'node_modules')];
    writeFileSync(file, '');
    const link = join(file, 'link');
    const error: unknown = await symlink(join(cache, 'binding'), link).catch((e: unknown) => e);
    const { message } = explainFileError(error, cache) as EngineError;
    expect(message).toContain(`given:   ${link} (ENOTDIR)`);
    expect(message).toContain('make node_modules writable');
    const { message: other } = explainFileError(error, link) as EngineError;
    expect(other).toContain('GFNET_CACHE');
  });
});
