/** An image with a numbered box for each place that was looked at. */
import { stepColor } from './colors.js';
import { dataUrl, html, type Html } from './html.js';
import type { GallerySample } from './sample.js';

/** Side of a number's square, as a share of the image's side. */
const tagShare = 0.1;

/** Each step's number has a corner of its own, so that boxes in one place don't hide each other's. */
const corners = [
  { right: 0, bottom: 0 },
  { right: 1, bottom: 0 },
  { right: 1, bottom: 1 },
  { right: 0, bottom: 1 },
] as const;

/**
 * SVG elements over [0, side]^2: the image and its boxes, numbered and coloured by step. Boxes of steps after the exit,
 * which early exit would not compute, are dashed and fainter.
 *
 * @param id the image's, for `<use>` to show parts of it: a document holds its bytes once
 */
export function boxes({ image, side, crops, exitStep }: GallerySample, id: string): Html {
  const stroke = side / 60;
  const tag = tagShare * side;
  return html`<image
      id="${id}"
      href="${dataUrl(image)}"
      width="${side}"
      height="${side}"
      style="image-rendering:pixelated"
    />${crops.map(({ box, step }) => {
      const late = step > exitStep;
      const corner = corners[(step - 2) % corners.length] ?? corners[0];
      const x = box.column + corner.right * (box.size - tag);
      const y = box.row + corner.bottom * (box.size - tag);
      return html`<g opacity="${late ? 0.6 : 1}" fill="${stepColor(step)}">
        <rect
          x="${box.column + stroke / 2}"
          y="${box.row + stroke / 2}"
          width="${box.size - stroke}"
          height="${box.size - stroke}"
          fill="none"
          stroke="${stepColor(step)}"
          stroke-width="${stroke}"
          stroke-dasharray="${late ? 2.5 * stroke : 'none'}"
        />
        <rect x="${x}" y="${y}" width="${tag}" height="${tag}" />
        <text
          x="${x + tag / 2}"
          y="${y + 0.8 * tag}"
          font-size="${0.85 * tag}"
          font-weight="700"
          text-anchor="middle"
          fill="#111"
          >${step}</text
        >
      </g>`;
    })}`;
}
