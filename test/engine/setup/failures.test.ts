import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { setupEngine } from '../../../src/engine/setup/setup.js';
import type { Place } from '../../../src/engine/setup/place.js';
import {
  addProgram,
  addPython,
  borrowLibrary,
  engineErrorOf,
  scratchPlace,
  silent,
  target,
} from './scratch.js';

/** pip as it is without this machine's settings. */
const bare = { PIP_CONFIG_FILE: '/dev/null', PIP_RETRIES: '1' };

/** A place with a compiler: what it lacks first is the library. */
function downloadingPlace(env: NodeJS.ProcessEnv = {}): Place {
  const place = scratchPlace(env);
  addProgram(place, 'c++', 'exit 0');
  return place;
}

async function failure(place: Place): Promise<string> {
  const { message } = await engineErrorOf(setupEngine({ report: silent, place }));
  expect(readdirSync(place.cache).filter(name => name === 'lock' || name.startsWith('work-'))).toEqual([]);
  return message;
}

describe('setupEngine says what is wrong and offers the prebuilt library by name', () => {
  it('without python3', async () => {
    const message = await failure(downloadingPlace());
    expect(message).toContain('python3 is not found');
    expect(message).toContain('apt install python3 python3-pip');
    expect(message).toContain('gfnet setup --prebuilt');
  });

  it('without pip', async () => {
    const place = downloadingPlace();
    addPython(place, '-I -S');
    const message = await failure(place);
    expect(message).toContain('python3 has no pip');
    expect(message).toContain('gfnet setup --prebuilt');
  });

  it('with a python3 that does not run', async () => {
    const place = downloadingPlace();
    addProgram(place, 'python3', 'echo "dyld: missing library" >&2; exit 134');
    expect(await failure(place)).toContain('dyld: missing library');
  });

  it('without a network', async () => {
    const place = downloadingPlace({ ...bare, PIP_INDEX_URL: 'http://127.0.0.1:9/simple' });
    addPython(place);
    const message = await failure(place);
    expect(message).toContain('cannot reach its package index');
    expect(message).toContain('gfnet setup --prebuilt');
  });

  it('with an index that does not serve TensorFlow', async () => {
    const place = downloadingPlace({ ...bare, PIP_NO_INDEX: '1' });
    addPython(place);
    const message = await failure(place);
    expect(message).toContain("does not serve TensorFlow's wheel");
    expect(message).toContain(`${target.package}==2.21.0 for ${target.wheelPlatform}`);
    expect(message).toContain('gfnet setup --prebuilt');
  });

  it('with another file than the one whose hash is pinned, of which nothing is kept', async () => {
    const place = downloadingPlace({ ...bare, PIP_NO_INDEX: '1' });
    addPython(place);
    const links = join(place.root, 'links');
    mkdirSync(links);
    writeWheel(links);
    const message = await failure({ ...place, env: { ...place.env, PIP_FIND_LINKS: links } });
    expect(message).toContain('is not the file TensorFlow published');
    expect(message).toContain(`allowed: sha256 ${target.sha256}`);
    expect(readdirSync(place.cache)).toEqual([]);
  });

  it('on a full disk', async () => {
    const place = downloadingPlace();
    addProgram(
      place,
      'python3',
      '[ "$3" = --version ] || { echo "OSError: [Errno 28] No space left on device" >&2; exit 1; }',
    );
    expect(await failure(place)).toContain('the disk is full');
  });

  it('when pip fails in a way of its own', async () => {
    const place = downloadingPlace();
    addProgram(place, 'python3', '[ "$3" = --version ] || { echo "AssertionError: odd" >&2; exit 2; }');
    expect(await failure(place)).toContain('AssertionError: odd');
  });

  it('without a compiler', async () => {
    const place = scratchPlace();
    addProgram(place, 'python3', 'echo "nothing is downloaded before" >&2; exit 1');
    const message = await failure(place);
    expect(message).toContain('no C++ compiler is found');
    expect(message).toContain('apt install g++');
    expect(message).toContain('gfnet setup --prebuilt');
  });

  it('with a compiler that fails', async () => {
    const place = scratchPlace({ CXX: 'old-c++' });
    borrowLibrary(place);
    addProgram(
      place,
      'old-c++',
      '[ "$1" = --version ] && echo "old-c++ 4.8" || { echo "error: no C++17" >&2; exit 1; }',
    );
    const message = await failure(place);
    expect(message).toContain('old-c++ 4.8');
    expect(message).toContain('error: no C++17');
    expect(message).toContain('gfnet setup --prebuilt');
  });

  it('with a binding that does not load, which is not kept', async () => {
    const place = scratchPlace({ CXX: 'liar' });
    borrowLibrary(place);
    // The last argument is the output.
    addProgram(place, 'liar', 'for output; do :; done; [ "$1" = --version ] || echo nonsense > "$output"');
    const message = await failure(place);
    expect(message).toContain('TensorFlow does not compute with it');
    expect(message).toContain('gfnet setup --prebuilt');
    expect(readdirSync(place.cache).filter(name => name.startsWith('binding'))).toEqual([]);
  });

  it('without tfjs-node', async () => {
    const place = scratchPlace();
    const root = join(place.root, 'elsewhere');
    execFileSync('rm', ['-r', join(place.root, 'node_modules')]);
    mkdirSync(root);
    expect(await failure({ ...place, root })).toContain('npm ci');
  });

  it('with another version of tfjs-node than the patch is for', async () => {
    const place = scratchPlace();
    const manifest = join(place.root, 'node_modules/@tensorflow/tfjs-node/package.json');
    writeFileSync(manifest, '{"version": "4.21.0"}');
    const message = await failure(place);
    expect(message).toContain('given:   4.21.0\n  allowed: 4.22.0');
  });

  it('with node_modules that cannot be written, before anything is downloaded', async ({ skip }) => {
    const place = scratchPlace();
    const lib = join(place.root, 'node_modules/@tensorflow/tfjs-node/lib');
    mkdirSync(lib);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k,ro', 'tmpfs', lib], { stdio: 'ignore' });
    } catch {
      skip('a disk cannot be mounted here');
    }
    try {
      const message = await failure(place);
      expect(message).toContain(`given:   ${lib} (EROFS)`);
      expect(message).toContain('make node_modules writable, or let its owner run `gfnet setup`');
      expect(message).not.toContain('GFNET_CACHE');
    } finally {
      execFileSync('umount', [lib]);
    }
  });

  it('with a cache that cannot be made', async () => {
    const place = scratchPlace();
    const file = join(place.root, 'file');
    writeFileSync(file, '');
    const { message } = await engineErrorOf(
      setupEngine({ report: silent, place: { ...place, cache: join(file, 'cache') } }),
    );
    expect(message).toContain('cannot be written');
    expect(message).toContain('GFNET_CACHE');
    expect(existsSync(file)).toBe(true);
  });
});

/** A wheel that has TensorFlow's name and nothing in it. */
function writeWheel(folder: string): void {
  const name = target.package.replace('-', '_');
  const info = `${name}-2.21.0.dist-info`;
  const script = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("${info}/METADATA", "Metadata-Version: 2.1\\nName: ${target.package}\\nVersion: 2.21.0\\n")
    wheel.writestr("${info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: cp311-cp311-${target.wheelPlatform}\\n")
    wheel.writestr("${info}/RECORD", "")`;
  execFileSync('python3', [
    '-c',
    script,
    join(folder, `${name}-2.21.0-cp311-cp311-${target.wheelPlatform}.whl`),
  ]);
}
