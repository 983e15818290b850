import {
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cachedBinding } from '../../../src/engine/setup/binding.js';
import { checkBinding } from '../../../src/engine/setup/check.js';
import type { Place } from '../../../src/engine/setup/place.js';
import { ensureEngine, setupEngine } from '../../../src/engine/setup/setup.js';
import { engineStatus } from '../../../src/engine/setup/status.js';
import { bindingFolder, tfjsNodeFolder } from '../../../src/engine/setup/tfjs-node.js';
import { borrow, borrowLibrary, scratchPlace, silent, target } from './scratch.js';

const ready = { state: 'ready', kind: 'built', tensorflow: '2.21.0' };

const installed = (place: Place): string => bindingFolder(tfjsNodeFolder(place.root));

/** A place whose cache has everything; nothing is on the PATH, so nothing can be downloaded or compiled. */
function cachedPlace(): Place {
  const place = scratchPlace();
  borrowLibrary(place);
  borrow(place, cachedBinding);
  return place;
}

describe('setupEngine', () => {
  it('compiles a binding that computes and has our functions', { timeout: 120_000 }, async () => {
    const place = scratchPlace({ PATH: process.env.PATH });
    borrowLibrary(place);
    const stages: string[] = [];
    await setupEngine({ report: ({ stage }) => stages.push(stage), place });
    expect(stages).toEqual(['compile', 'install', 'check', 'ready']);
    expect(engineStatus(place)).toEqual(ready);
    expect(realpathSync(installed(place))).toBe(realpathSync(cachedBinding(place.cache, target)));
    expect(readdirSync(installed(place)).sort()).toEqual(
      [
        'engine.json',
        'gfnet_jpeg.node',
        'gfnet_kernels.node',
        target.quietLibrary,
        'tfjs_binding.node',
      ].filter(name => name !== undefined),
    );
    const { tensorflow, functions } = await checkBinding(place);
    expect(tensorflow).toBe('2.21.0');
    expect(functions).toEqual(
      expect.arrayContaining([
        'addFunction',
        'removeFunction',
        'opDefinitions',
        'enableCollectives',
        'watchPeers',
        'lostPeer',
        'executeOp',
      ]),
    );
    expect(readdirSync(place.cache).sort()).toEqual(
      [`binding-${target.name}`, `tensorflow-2.21.0`].map(name => expect.stringContaining(name) as string),
    );
  });

  it('only links what is cached, and may be run again', async () => {
    const place = cachedPlace();
    const stages: string[] = [];
    for (let run = 0; run < 2; run++) await setupEngine({ report: ({ stage }) => stages.push(stage), place });
    expect(stages).toEqual(['install', 'check', 'ready', 'install', 'check', 'ready']);
    expect(engineStatus(place)).toEqual(ready);
  });

  it('serves two processes at once', async () => {
    const place = cachedPlace();
    const stages: string[] = [];
    const report = ({ stage }: { stage: string }): unknown => stages.push(stage);
    await Promise.all([ensureEngine(report, place), ensureEngine(report, place)]);
    expect(stages.filter(stage => stage === 'wait')).toHaveLength(1);
    expect(engineStatus(place)).toEqual(ready);
  });

  it('replaces a binding that was built in place', async () => {
    const place = cachedPlace();
    const folder = installed(place);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'tfjs_binding.node'), 'built by hand');
    expect(engineStatus(place).state).toBe('missing');
    await setupEngine({ report: silent, place });
    expect(lstatSync(folder).isSymbolicLink()).toBe(true);
    expect(readdirSync(dirname(folder))).toEqual(['napi-v8']);
    expect(engineStatus(place)).toEqual(ready);
  });

  it('mends what a killed run left', async () => {
    const place = cachedPlace();
    mkdirSync(join(place.cache, 'work-killed', 'download'), { recursive: true });
    writeFileSync(join(place.cache, 'lock'), '1');
    utimesSync(join(place.cache, 'lock'), 0, 0);
    await setupEngine({ report: silent, place });
    expect(readdirSync(place.cache).filter(name => /^(work|lock)/.test(name))).toEqual([]);
    expect(engineStatus(place)).toEqual(ready);
  });
});

describe('engineStatus', () => {
  it('is missing before, and where tfjs-node is not installed', () => {
    expect(engineStatus(scratchPlace())).toEqual({ state: 'missing', reason: 'it was not set up yet' });
    expect(engineStatus({ ...scratchPlace(), root: '/' })).toEqual({
      state: 'missing',
      reason: 'a package the engine needs is not installed',
    });
  });

  it.each([
    [
      'another patch',
      { kind: 'built', tensorflow: '2.21.0', key: 'linux-x64-0' },
      'another version of our patch',
    ],
    ['no record', undefined, 'not set up by this program'],
    ['a record of another form', { kind: 'built' }, 'not set up by this program'],
  ])('is missing for a binding with %s', (_, record, reason) => {
    const place = cachedPlace();
    mkdirSync(installed(place), { recursive: true });
    writeFileSync(join(installed(place), 'tfjs_binding.node'), '');
    if (record) writeFileSync(join(installed(place), 'engine.json'), JSON.stringify(record));
    const status = engineStatus(place);
    expect(status.state === 'missing' && status.reason).toContain(reason);
  });

  it('is missing when the cache is gone', async () => {
    const place = cachedPlace();
    await setupEngine({ report: silent, place });
    const folder = installed(place);
    rmSync(folder);
    symlinkSync(join(place.root, 'gone'), folder);
    expect(engineStatus(place).state).toBe('missing');
    await ensureEngine(silent, place);
    expect(engineStatus(place)).toEqual(ready);
  });

  it('takes a few milliseconds at most', () => {
    const place = cachedPlace();
    engineStatus(place);
    const start = performance.now();
    for (let i = 0; i < 20; i++) engineStatus(place);
    expect((performance.now() - start) / 20).toBeLessThan(20);
  });
});
