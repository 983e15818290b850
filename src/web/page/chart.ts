/** Cost against certainty: one point a look, and the threshold that a point has to reach. */
import { stepColor } from '../../report/colors.js';
import { find, shape } from './dom.js';
import type { Look } from './looks.js';
import { answering, certainty, millions, percent, titleOf } from './looks.js';

const height = 280;
const widest = 640;
const [left, right, top, bottom] = [64, 24, 24, 48];

/** @param total Multi-Adds of all looks */
export function showChart(looks: readonly Look[], threshold: number, total: number): void {
  const chart = find('#chart', SVGElement);
  const width = Math.min(widest, chart.clientWidth);
  const x = (cost: number): number => left + (cost / total) * (width - left - right);
  const y = (share: number): number => top + (1 - share) * (height - top - bottom);
  const stopped = answering(looks, threshold);
  const points = looks.map(look => ({ look, cx: x(look.spent), cy: y(certainty(look)) }));
  chart.setAttribute('viewBox', `0 0 ${width} ${height}`);
  chart.setAttribute(
    'aria-label',
    `Cost against certainty. ${looks.map(look => `${titleOf(look)}: ${percent(certainty(look))} for ${millions(look.spent)} Multi-Adds`).join('; ')}`,
  );
  chart.replaceChildren(
    ...[0, 0.5, 1].flatMap(share => [
      shape('line', { class: 'axis', x1: left, x2: width - right, y1: y(share), y2: y(share) }),
      shape('text', { x: left - 8, y: y(share) + 4, 'text-anchor': 'end' }, `${100 * share} %`),
    ]),
    shape('text', { x: left, y: height - 10 }, 'Multi-Adds spent'),
    shape('text', { x: width - right, y: height - 10, 'text-anchor': 'end' }, millions(total)),
    shape('line', { class: 'threshold', x1: left, x2: width - right, y1: y(threshold), y2: y(threshold) }),
    shape('polyline', { class: 'path', points: points.map(({ cx, cy }) => `${cx},${cy}`).join(' ') }),
    ...points.flatMap(({ look, cx, cy }) => [
      shape('circle', { cx, cy, r: 7, fill: stepColor(look.step) }),
      shape('text', { x: cx, y: cy + 24, 'text-anchor': 'middle' }, String(look.step)),
      ...(look === stopped ? [shape('circle', { class: 'here', cx, cy, r: 12 })] : []),
    ]),
  );
}
