/** What a `Predictor` makes of what it is given, whatever computes the steps. */
import { describe, expect, it } from 'vitest';
import { ImageError } from '../../src/errors/index.js';
import { counting } from './counting.js';

describe('pixels', () => {
  it.each([
    [[Uint8Array.of(1), new Uint8Array(0)], /images\[1\][^]*given: {3}0 bytes[^]*1 bytes \(height 1 x/],
    [[Uint8Array.of(1, 1), Uint8Array.of(1)], /images\[0\][^]*given: {3}2 bytes/],
    [[Uint8Array.of(1, 1)], /images\[0\][^]*given: {3}2 bytes/],
    [[new Float32Array(1)], /images\[0\][^]*given: {3}Float32Array[^]*a Uint8Array of 1 bytes/],
  ])('of another size than an image’s are refused: %j', async (images, message) => {
    const work = counting().predictPixels(images as Uint8Array[], { threshold: 0.8 });
    await expect(work).rejects.toThrow(ImageError);
    await expect(work).rejects.toThrow(message);
  });

  it('of that size are answered', async () => {
    const images = [3, 1, 4].map(sure => Uint8Array.of(sure));
    const answers = await counting().predictPixels(images, { threshold: 0.8 });
    expect(answers.map(({ steps }) => steps)).toEqual([3, 1, 4]);
  });
});
