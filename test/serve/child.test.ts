import { afterEach, expect, it } from 'vitest';
import { EngineError } from '../../src/errors/index.js';
import { Child } from '../../src/serve/child.js';

const { execPath } = process;
afterEach(() => void (process.execPath = execPath));

it('tells that a process could not be started, where the system refuses one', async () => {
  process.execPath = '/no/node';
  const started = Child.start({ bundle: '.', threads: 1, maxPixels: 1 }, () => undefined);
  await expect(started).rejects.toThrow(EngineError);
  await expect(started).rejects.toThrow(/could not be started.*ENOENT/s);
});
