import { expect } from 'vitest';
import { GFNetError } from '../../src/errors/index.js';

/** The error that `action` throws, which must be one of ours. */
export function errorOf(action: () => unknown): GFNetError {
  try {
    action();
  } catch (error) {
    if (error instanceof GFNetError) return error;
    throw error;
  }
  return expect.fail('no error was thrown');
}
