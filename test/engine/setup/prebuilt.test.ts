import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cachedBinding } from '../../../src/engine/setup/binding.js';
import { libraryFolder } from '../../../src/engine/setup/library.js';
import { setupEngine } from '../../../src/engine/setup/setup.js';
import { engineStatus } from '../../../src/engine/setup/status.js';
import { bindingFolder, tfjsNodeFolder } from '../../../src/engine/setup/tfjs-node.js';
import {
  borrow,
  borrowLibrary,
  engineErrorOf,
  real,
  scratchPlace,
  silent,
  target,
  temporaryFolder,
} from './scratch.js';

describe('setupEngine with prebuilt', () => {
  it("fails clearly where the vendor's storage is out of reach, and leaves all as it was", async () => {
    const place = scratchPlace({ TFJS_NODE_BASE_URI: 'http://127.0.0.1:9/' });
    borrowLibrary(place);
    borrow(place, cachedBinding);
    await setupEngine({ report: silent, place });
    const tfjsNode = tfjsNodeFolder(place.root);
    const manifest = readFileSync(join(tfjsNode, 'package.json'), 'utf8');

    const { message } = await engineErrorOf(setupEngine({ report: silent, prebuilt: true, place }));
    expect(message).toContain('the install script of @tensorflow/tfjs-node failed');
    expect(message).toContain('ECONNREFUSED 127.0.0.1:9');
    expect(engineStatus(place)).toMatchObject({ state: 'ready', kind: 'built' });
    expect(readFileSync(join(tfjsNode, 'package.json'), 'utf8')).toBe(manifest);
  });

  it("takes what the vendor's storage serves, without touching our binding in the cache", async () => {
    const url = await serve(vendorFiles());
    const place = scratchPlace({
      TFJS_NODE_BASE_URI: `${url}/`,
      npm_config_tfjs_binding_binary_host_mirror: url,
      // The served binding is ours: it finds its library here.
      LD_LIBRARY_PATH: realpathSync(libraryFolder(real.cache, target)),
      PATH: process.env.PATH,
    });
    borrowLibrary(place);
    borrow(place, cachedBinding);
    await setupEngine({ report: silent, place });
    const before = readFileSync(join(cachedBinding(place.cache, target), 'tfjs_binding.node'));

    await setupEngine({ report: silent, prebuilt: true, place });
    expect(engineStatus(place)).toEqual({ state: 'ready', kind: 'prebuilt', tensorflow: '2.21.0' });
    const folder = bindingFolder(tfjsNodeFolder(place.root));
    expect(realpathSync(folder).startsWith(realpathSync(place.root))).toBe(true);
    expect(readFileSync(join(cachedBinding(place.cache, target), 'tfjs_binding.node'))).toEqual(before);

    await setupEngine({ report: silent, place });
    expect(engineStatus(place)).toMatchObject({ state: 'ready', kind: 'built' });
  });
});

/** The two archives of the vendor's storage: a library (a token file) and a binding. */
function vendorFiles(): { library: Buffer; binding: Buffer } {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'lib'));
  writeFileSync(join(folder, 'lib', 'libtensorflow.so.2.9.1'), '');
  cpSync(cachedBinding(real.cache, target), join(folder, 'napi-v8'), {
    recursive: true,
    filter: path => basename(path) !== 'engine.json',
  });
  const archive = (name: string): Buffer => execFileSync('tar', ['-cz', '-C', folder, name]);
  return { library: archive('lib'), binding: archive('napi-v8') };
}

async function serve({ library, binding }: { library: Buffer; binding: Buffer }): Promise<string> {
  const server: Server = createServer((request, response) => {
    const body = request.url?.includes('napi-v8') ? binding : library;
    response.setHeader('content-length', body.length).end(body);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
