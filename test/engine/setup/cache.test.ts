import { homedir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { cacheFolder } from '../../../src/engine/setup/cache.js';

describe('cacheFolder', () => {
  it('is the one in GFNET_CACHE before any other', () => {
    expect(cacheFolder({ GFNET_CACHE: '/a', XDG_CACHE_HOME: '/b' }, 'linux')).toBe('/a');
    expect(cacheFolder({ GFNET_CACHE: '/a' }, 'darwin')).toBe('/a');
  });

  it("is in the system's folder for caches", () => {
    expect(cacheFolder({ XDG_CACHE_HOME: '/b' }, 'linux')).toBe('/b/gfnet');
    expect(cacheFolder({ XDG_CACHE_HOME: '' }, 'linux')).toBe(`${homedir()}/.cache/gfnet`);
    expect(cacheFolder({ XDG_CACHE_HOME: '/b' }, 'darwin')).toBe(`${homedir()}/Library/Caches/gfnet`);
  });
});
