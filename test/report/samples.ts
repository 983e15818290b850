/** Made-up images for the report: a bright square in noise, the crops of it, and beliefs. */
import sharp from 'sharp';
import { stream } from '../../src/random/index.js';
import type { GallerySample } from '../../src/report/index.js';

const side = 60;
const patch = 28;

/** One sample of `steps` steps, the same for the same seed. */
export async function sampleOf(
  seed: number,
  overrides: Partial<GallerySample> = {},
  steps = 4,
): Promise<GallerySample> {
  const random = stream(seed, 'sample');
  const pixels = Uint8Array.from({ length: side * side }, () => (random() < 0.1 ? 255 * random() : 0));
  const image = sharp(pixels, { raw: { width: side, height: side, channels: 1 } });
  const place = () => Math.floor(random() * (side - patch));
  const crops = Array.from({ length: steps - 1 }, (_, i) => ({
    box: { row: place(), column: place(), size: patch },
    step: i + 2,
  }));
  return {
    name: `image ${seed}`,
    image: await image.clone().png().toBuffer(),
    side,
    glance: await image.clone().resize(patch, patch).png().toBuffer(),
    crops,
    beliefs: Array.from({ length: steps }, (_, t) => {
      const probability = 1 - 0.5 ** (t + 1);
      const rest = 1 - probability;
      return {
        step: t + 1,
        top: [
          { class: 3, label: '3', probability },
          { class: 8, label: '8', probability: 0.7 * rest },
          { class: 5, label: '5', probability: 0.2 * rest },
        ],
      };
    }),
    truth: '3',
    predicted: '3',
    exitStep: 1 + Math.floor(random() * steps),
    ...overrides,
  };
}
