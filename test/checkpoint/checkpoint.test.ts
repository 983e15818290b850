import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { readManifest } from '../../src/checkpoint/manifest.js';
import { sha256 } from '../../src/checkpoint/parts.js';
import { CheckpointError } from '../../src/errors/index.js';
import { errorOf } from '../helpers/error-of.js';
import { temporaryFolder, versionContent } from './support.js';

function refusal(action: () => unknown): string {
  const error = errorOf(action);
  expect(error).toBeInstanceOf(CheckpointError);
  return error.message;
}

/** A folder with the checkpoint `last`, and the paths of its two files. */
function saved() {
  const folder = temporaryFolder();
  const manifest = saveCheckpoint(folder, 'last', versionContent(1));
  return { folder, manifest, tensors: join(folder, readManifest(manifest).tensors.file) };
}

/** Changes the manifest's fields and seals it again, as a later version of the program could have written it. */
function reseal(path: string, change: Record<string, unknown>): void {
  const fields = { ...(JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>), ...change };
  delete fields.checksum;
  writeFileSync(path, JSON.stringify({ ...fields, checksum: sha256(JSON.stringify(fields)) }));
}

describe('a saved checkpoint', () => {
  it('loads as it was saved, from its manifest, its folder, and the run folder', () => {
    const run = temporaryFolder();
    const folder = join(run, 'checkpoints');
    mkdirSync(folder);
    const { tensors, ...fields } = versionContent(3);
    const path = saveCheckpoint(folder, 'best', { ...fields, tensors });
    saveCheckpoint(folder, 'last', versionContent(4));
    for (const source of [path, folder, run]) {
      const loaded = loadCheckpoint(source, 'best');
      expect(loaded.path).toBe(path);
      expect(loaded.tensors).toEqual(tensors);
      expect(loaded.manifest).toMatchObject(fields);
    }
    expect(loadCheckpoint(run, 'last').manifest.progress).toEqual({ version: 4 });
  });

  it('replaces the one before, of which nothing stays, and no other', () => {
    const { folder } = saved();
    saveCheckpoint(folder, 'last-one', versionContent(7));
    for (const version of [2, 3, 3]) saveCheckpoint(folder, 'last', versionContent(version));
    expect(readdirSync(folder)).toEqual([
      expect.stringMatching(/^last-[0-9a-f]{16}\.safetensors$/),
      expect.stringMatching(/^last-one-[0-9a-f]{16}\.safetensors$/),
      'last-one.json',
      'last.json',
    ]);
    expect(loadCheckpoint(folder, 'last').manifest.progress).toEqual({ version: 3 });
  });

  it('is not replaced by content that cannot be saved', () => {
    const { folder } = saved();
    const content = { ...versionContent(2), metrics: { accuracy: NaN } };
    expect(refusal(() => saveCheckpoint(folder, 'last', content))).toMatch(
      /cannot|not a valid.*\n[^]*metrics\.accuracy/,
    );
    expect(loadCheckpoint(folder, 'last').manifest.progress).toEqual({ version: 1 });
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it('is read by its manifest alone, so that it can be renamed and copied', () => {
    const { folder, manifest, tensors } = saved();
    const copy = temporaryFolder();
    copyFileSync(manifest, join(copy, 'digits.json'));
    copyFileSync(tensors, join(copy, tensors.slice(folder.length + 1)));
    expect(loadCheckpoint(join(copy, 'digits.json'), 'best').tensors).toEqual(versionContent(1).tensors);
  });
});

describe('loadCheckpoint refuses', () => {
  it('a path where nothing is, and a folder without the checkpoint', () => {
    const { folder } = saved();
    expect(refusal(() => loadCheckpoint(join(folder, 'nowhere'), 'last'))).toMatch(/no such .*\n.*nowhere/);
    expect(refusal(() => loadCheckpoint(folder, 'best'))).toMatch(/no checkpoint named "best"/);
  });

  it('a tensor file that is missing, cut short, too long or altered', () => {
    const { manifest, tensors } = saved();
    const bytes = readFileSync(tensors);
    const load = () => loadCheckpoint(manifest, 'last');
    for (const length of [0, 7, 100, bytes.length - 1]) {
      truncateSync(tensors, length);
      expect(refusal(load)).toMatch(/cut short/);
      writeFileSync(tensors, bytes);
    }
    for (const at of [0, 20, 500, bytes.length - 1]) {
      writeFileSync(
        tensors,
        bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)),
      );
      expect(refusal(load)).toMatch(/altered/);
    }
    writeFileSync(tensors, Buffer.concat([bytes, bytes]));
    expect(refusal(load)).toMatch(/longer/);
    rmSync(tensors);
    expect(refusal(load)).toMatch(/tensor file .* is missing/);
  });

  it('a manifest that is cut short or altered', () => {
    const { manifest } = saved();
    const text = readFileSync(manifest, 'utf8');
    for (let length = 0; length < text.length - 2; length += 13) {
      writeFileSync(manifest, text.slice(0, length));
      expect(refusal(() => loadCheckpoint(manifest, 'last'))).toMatch(
        length === 0 ? /not a checkpoint/ : /cut short/,
      );
    }
    writeFileSync(manifest, text.replace('"version": 1', '"version": 2'));
    expect(refusal(() => loadCheckpoint(manifest, 'last'))).toMatch(/altered/);
  });

  it('files of other formats', () => {
    const { folder, tensors } = saved();
    expect(refusal(() => loadCheckpoint(tensors, 'last'))).toMatch(/not a checkpoint of gfnet/);
    for (const [name, content] of Object.entries({
      'package.json': '{"name":"x"}',
      'model.pth.tar': Uint8Array.of(0x80, 2, 0x8a, 10),
      'huge.json': Buffer.alloc(17_000_000, '{'),
    })) {
      writeFileSync(join(folder, name), content);
      expect(refusal(() => loadCheckpoint(join(folder, name), 'last'))).toMatch(/not a checkpoint of gfnet/);
    }
    expect(refusal(() => readManifest('/dev/zero'))).toMatch(/not a checkpoint of gfnet/);
  });

  it('a newer schema version, naming both', () => {
    const { manifest } = saved();
    reseal(manifest, { schemaVersion: 2, programVersion: '9.1.0', novelty: true });
    expect(refusal(() => loadCheckpoint(manifest, 'last'))).toMatch(
      /newer.*\n.*version 2, gfnet 9\.1\.0\n.*up to 1/,
    );
    reseal(manifest, { schemaVersion: 2, programVersion: { toString: null } });
    expect(refusal(() => loadCheckpoint(manifest, 'last'))).toMatch(
      /newer.*\n.*version 2, gfnet of no version/,
    );
  });

  it('a sealed manifest that would exhaust the stack', () => {
    const { manifest } = saved();
    const nested = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as unknown;
    reseal(manifest, { metrics: { nested: nested(2500) } });
    expect(refusal(() => readManifest(manifest))).toMatch(/nested more than 100 deep[^]*metrics/);
  });

  it('a sealed manifest that does not fit the schema', () => {
    const { manifest } = saved();
    for (const change of [
      { novelty: true },
      { classes: 'zero' },
      { kind: 'other' },
      { schemaVersion: '1' },
    ]) {
      const text = readFileSync(manifest);
      reseal(manifest, change);
      const message = refusal(() => loadCheckpoint(manifest, 'last'));
      expect(message).toMatch(/not a valid manifest/);
      expect(message).toContain(Object.keys(change)[0]);
      writeFileSync(manifest, text);
    }
  });

  it('a tensor file outside the folder of the manifest', () => {
    const { manifest } = saved();
    const { tensors } = readManifest(manifest);
    reseal(manifest, { tensors: { ...tensors, file: `../${tensors.file}` } });
    expect(refusal(() => loadCheckpoint(manifest, 'last'))).toMatch(/tensors\.file/);
  });

  it('another kind than is wanted', () => {
    const { folder, manifest } = saved();
    expect(loadCheckpoint(manifest, 'last', ['training']).manifest.kind).toBe('training');
    saveCheckpoint(folder, 'last', { ...versionContent(1), kind: 'model' });
    expect(refusal(() => loadCheckpoint(manifest, 'last', ['training']))).toMatch(
      /kind\n.*model\n.*training/,
    );
  });
});
