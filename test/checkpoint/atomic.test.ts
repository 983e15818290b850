import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeLeftovers, writeFileAtomically } from '../../src/checkpoint/atomic.js';
import { RunError } from '../../src/errors/index.js';
import { errorOf } from '../helpers/error-of.js';
import { temporaryFolder } from './support.js';

describe('writeFileAtomically', () => {
  it('writes and replaces, leaving nothing else', () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a.bin');
    writeFileAtomically(path, 'a longer first text');
    writeFileAtomically(path, Uint8Array.of(1, 2, 3));
    expect([...readFileSync(path)]).toEqual([1, 2, 3]);
    expect(readdirSync(folder)).toEqual(['a.bin']);
  });

  it('removes the temporaries of dead processes, and of no live one', () => {
    const folder = temporaryFolder();
    const dead = spawnSync('true').pid;
    const names = [dead, process.pid, process.ppid].map(pid => `.other.${pid}.gfnet-tmp`);
    for (const name of [...names, `.swap.${dead}.tmp`]) writeFileSync(join(folder, name), '');
    writeFileAtomically(join(folder, 'a'), 'text');
    expect(readdirSync(folder).sort()).toEqual(
      [`.other.${process.ppid}.gfnet-tmp`, `.swap.${dead}.tmp`, 'a'].sort(),
    );
  });

  it('leaves the folder as it was where it fails', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'taken'));
    writeFileSync(join(folder, 'taken', 'file'), 'kept');
    expect(() => writeFileAtomically(join(folder, 'taken'), 'text')).toThrow(RunError);
    expect(readdirSync(folder)).toEqual(['taken']);
    expect(readFileSync(join(folder, 'taken', 'file'), 'utf8')).toBe('kept');
  });

  it.each([
    ['missing/file', /folder does not exist/],
    ['file/file', /a part of its path is a file/],
  ])('says why %s cannot be written', (name, reason) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    const path = join(folder, name);
    const error = errorOf(() => writeFileAtomically(path, 'text'));
    expect(error).toBeInstanceOf(RunError);
    expect(error.message).toMatch(reason);
    expect(error.explanation.given).toBe(path);
  });
});

it('removeLeftovers leaves files whose names are not of our pattern', () => {
  const folder = temporaryFolder();
  const names = ['.a.gfnet-tmp', '.a.x.gfnet-tmp', 'a.1.gfnet-tmp', 'metrics.csv'];
  for (const name of names) writeFileSync(join(folder, name), '');
  removeLeftovers(folder);
  expect(readdirSync(folder).sort()).toEqual([...names].sort());
});
