/** The image as the network sees it, and the boxes it looked at. */
import { stepColor } from '../../report/colors.js';
import type { Box, ImageShape } from '../index.js';
import { find, shape } from './dom.js';

const canvas = (): HTMLCanvasElement => find('#picture canvas', HTMLCanvasElement);
const boxes = (): SVGElement => find('#picture svg', SVGElement);

/** @param pixels [height, width, channels] */
export function showImage(pixels: Uint8Array, { width, height, channels }: ImageShape, name: string): void {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[i * channels + (channels === 1 ? 0 : c)] ?? 0;
    image.data[4 * i + 3] = 255;
  }
  const target = canvas();
  target.width = width;
  target.height = height;
  target.setAttribute('aria-label', `${name}, as the network sees it`);
  target.getContext('2d')?.putImageData(image, 0, 0);
  boxes().setAttribute('viewBox', `0 0 ${width} ${height}`);
}

export function clearBoxes(): void {
  boxes().replaceChildren();
}

/** Of a look that early exit would have saved, `saved`: fainter, dashed. */
export function showBox({ row, column, size }: Box, step: number, side: number, saved: boolean): void {
  const stroke = side / 80;
  boxes().append(
    shape('rect', {
      x: column + stroke / 2,
      y: row + stroke / 2,
      width: size - stroke,
      height: size - stroke,
      fill: 'none',
      stroke: stepColor(step),
      'stroke-width': stroke,
      'stroke-dasharray': saved ? 2.5 * stroke : 'none',
      opacity: saved ? 0.6 : 1,
    }),
    shape(
      'text',
      {
        x: column + 2 * stroke,
        y: row + side / 12,
        'font-size': side / 14,
        'font-weight': 700,
        fill: stepColor(step),
        opacity: saved ? 0.6 : 1,
      },
      String(step),
    ),
  );
}
