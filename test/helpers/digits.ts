/** Images that the packaged models were made for. */
import { DataConfig } from '../../src/data/config.js';
import { encodePng } from '../../src/data/decode.js';
import { openData } from '../../src/data/open.js';

/** PNG files of the first canvas of each of the first test digits, 60 x 60. */
export async function testDigits(count: number): Promise<Buffer[]> {
  const { test } = openData(DataConfig.parse({ kind: 'cluttered-digits', canvas: 60, clutter: 4 }));
  const { height, width, channels } = test.shape;
  const size = height * width * channels;
  const images = new Float32Array(count * size);
  const places = Int32Array.from({ length: count }, (_, i) => 10 * i);
  await test.read(places, 0, images, new Int32Array(count));
  return Promise.all(
    Array.from({ length: count }, (_, i) => encodePng(images.subarray(i * size, (i + 1) * size), test.shape)),
  );
}
