import { describe, expect, it } from 'vitest';
import type { Host } from '../../../src/engine/setup/host.js';
import { setupEngine } from '../../../src/engine/setup/setup.js';
import { requireTarget } from '../../../src/engine/setup/targets.js';
import { engineErrorOf, silent, temporaryFolder } from './scratch.js';

const host = (os: NodeJS.Platform, arch: string, musl = false): Host => ({ os, arch, musl });

const failure = (on: Host, prebuilt = false): Promise<Error> =>
  engineErrorOf(
    setupEngine({
      report: silent,
      prebuilt,
      place: { root: '/', cache: temporaryFolder(), env: {}, host: on },
    }),
  );

describe('a platform without a wheel', () => {
  it.each([
    ['Windows', host('win32', 'x64')],
    ['Intel Mac', host('darwin', 'x64')],
    ['32-bit arm', host('linux', 'arm')],
  ])('%s is refused, and offered the prebuilt library by name', async (_, on) => {
    const { message } = await failure(on);
    expect(message).toContain(`${on.os}-${on.arch}`);
    expect(message).toContain('linux-x64, linux-arm64, darwin-arm64');
    expect(message).toContain('gfnet setup --prebuilt');
  });

  it('is not offered a prebuilt library that does not exist', async () => {
    for (const on of [host('linux', 'ia32'), host('freebsd', 'x64')]) {
      const { message } = await failure(on);
      expect(message).toContain('cannot be built for this platform');
      expect(message).not.toContain('--prebuilt');
      expect((await failure(on, true)).message).toContain('no prebuilt library for this platform');
    }
  });

  it('musl is refused either way, with a container image that works', async () => {
    for (const prebuilt of [false, true]) {
      const { message } = await failure(host('linux', 'x64', true), prebuilt);
      expect(message).toContain('musl');
      expect(message).toContain('bookworm');
      expect(message).not.toContain('--prebuilt');
    }
  });
});

describe('requireTarget', () => {
  it('marks what was never run', () => {
    const tested = ([os, arch]: [NodeJS.Platform, string]): boolean => requireTarget(host(os, arch)).tested;
    expect(tested(['linux', 'x64'])).toBe(true);
    expect(tested(['linux', 'arm64'])).toBe(false);
    expect(tested(['darwin', 'arm64'])).toBe(false);
  });

  it("has a quiet library where the loader is glibc's", () => {
    expect(requireTarget(host('linux', 'arm64')).quietLibrary).toBe('libgfnet_quiet.so');
    expect(requireTarget(host('darwin', 'arm64')).quietLibrary).toBeUndefined();
  });
});
