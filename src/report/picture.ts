/** A picture of samples for a page that cannot hold a report, such as the README: image with boxes, looks, and beliefs. */
import sharp from 'sharp';
import { boxes } from './boxes.js';
import { stepColor } from './colors.js';
import { percent } from './format.js';
import { dataUrl, html, type Html } from './html.js';
import { viewOf, type GallerySample } from './sample.js';

const image = 180;
const look = 56;
const gap = 16;
const line = 22;

/** A standalone SVG: one row of `samples`, each with its image above and, after each step, what it saw and believed. */
export function pictureSvg(samples: readonly GallerySample[]): string {
  const rows = Math.max(1, ...samples.map(({ beliefs }) => beliefs.length));
  const width = gap + samples.length * (image + gap);
  const height = gap + line + image + 8 + rows * (look + 8) + gap;
  return html`<svg
    xmlns="http://www.w3.org/2000/svg"
    width="${width}"
    height="${height}"
    viewBox="0 0 ${width} ${height}"
    font-family="system-ui, 'DejaVu Sans', sans-serif"
    font-size="14"
  >
    <rect width="${width}" height="${height}" fill="#fff" />
    ${samples.map((sample, i) => column(sample, `sample-${i}`, gap + i * (image + gap)))}
  </svg>`.text;
}

/** The same as a PNG, `scale` pixels for each of the SVG's. */
export async function picturePng(samples: readonly GallerySample[], scale = 2): Promise<Buffer> {
  return sharp(Buffer.from(pictureSvg(samples)), { density: 72 * scale })
    .png()
    .toBuffer();
}

function column(sample: GallerySample, id: string, x: number): Html {
  const { truth, predicted, exitStep, side } = sample;
  const right = truth === predicted;
  const top = gap + line;
  return html`<g transform="translate(${x} 0)">
    <text y="${gap + 10}" fill="${right ? '#047857' : '#c8322b'}" font-weight="700"
      >${right ? `✓ ${predicted}` : `✗ ${predicted}, is ${truth}`}</text
    >
    <text x="${image}" y="${gap + 10}" fill="#5c6672" text-anchor="end" font-size="12"
      >after step ${exitStep}</text
    >
    <svg y="${top}" width="${image}" height="${image}" viewBox="0 0 ${side} ${side}">
      ${boxes(sample, id)}
    </svg>
    ${sample.beliefs.map(({ step, top: [best] }, i) => {
      const crop = sample.crops.find(({ step: at }) => at === step);
      const y = top + image + 8 + i * (look + 8);
      const p = best?.probability ?? 0;
      return html`<g transform="translate(0 ${y})" opacity="${step > exitStep ? 0.4 : 1}">
        ${step === 1 ? html`<image href="${dataUrl(sample.glance)}" width="${look}" height="${look}" style="image-rendering:pixelated" />` : ''}
        ${crop ? html`<svg width="${look}" height="${look}" viewBox="${viewOf(crop.box)}"><use href="#${id}" /></svg>` : ''}
        <rect width="16" height="16" fill="${stepColor(step)}" />
        <text x="8" y="12.5" font-size="12" font-weight="700" text-anchor="middle" fill="#111">${step}</text>
        <text x="${look + 10}" y="22" fill="#1b1f24">${best?.label ?? ''}</text>
        <text x="${image}" y="22" fill="#5c6672" text-anchor="end">${percent(p, 1)} %</text>
        <rect x="${look + 10}" y="32" width="${image - look - 10}" height="8" rx="2" fill="#e2e5e9" />
        <rect
          x="${look + 10}"
          y="32"
          width="${(image - look - 10) * p}"
          height="8"
          rx="2"
          fill="${stepColor(step)}"
        />
      </g>`;
    })}
  </g>`;
}
