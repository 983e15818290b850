/** The list of looks: where, what was believed, what it cost. */
import { stepColor } from '../../report/colors.js';
import { element } from './dom.js';
import type { Look } from './looks.js';
import { millions, percent, titleOf } from './looks.js';

const shown = 3;

/** @param saved whether early exit would have saved this look */
export function stepItem(look: Look, saved: boolean): HTMLElement {
  const { box, top, spent, step } = look;
  const place = box ? ` at row ${box.row}, column ${box.column}` : ' at the whole image, made small';
  const item = element(
    'li',
    saved ? { class: 'saved' } : {},
    element('h3', {}, `${titleOf(look)}${saved ? ' (saved)' : ''}`),
    element('small', {}, `${place.trim()}; ${millions(spent)} Multi-Adds so far`),
    element(
      'dl',
      {},
      ...top
        .slice(0, shown)
        .flatMap(({ label, probability }) => [
          element('dt', {}, label),
          element(
            'dd',
            { 'aria-hidden': 'true' },
            element('meter', { min: 0, max: 1, value: probability, tabindex: -1 }),
          ),
          element('dd', {}, percent(probability)),
        ]),
    ),
  );
  item.style.setProperty('--step', stepColor(step));
  return item;
}

/** What a screen reader says of a look. */
export function spoken(look: Look): string {
  const [best] = look.top;
  const where = look.box ? `, row ${look.box.row}, column ${look.box.column}` : '';
  return `${titleOf(look)}${where}: ${best?.label ?? ''}, ${percent(best?.probability ?? 0)}`;
}
