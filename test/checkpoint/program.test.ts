import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeEnvironment, programVersion } from '../../src/checkpoint/program.js';

const root = join(import.meta.dirname, '../..');

it('knows the version in package.json', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(programVersion).toBe(version);
});

it('describes versions and machine, but not whose it is', () => {
  const environment = describeEnvironment();
  expect(environment).toMatchObject({
    program: programVersion,
    node: process.versions.node,
    platform: process.platform,
  });
  const text = JSON.stringify(environment);
  expect(text).not.toContain(root);
  expect(text).not.toContain(hostname());
  expect(Object.values(environment)).not.toContain(userInfo().username);
});

it('names the commit it runs from', () => {
  const commit = execFileSync('git', ['-C', root, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  expect(describeEnvironment().commit).toBe(commit);
});
