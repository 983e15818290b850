/** Which classes are taken for which: the whole matrix where it fits a page, else the most frequent confusions. */
import { integer, percent } from './format.js';
import { html, type Html } from './html.js';
import type { Results } from '../evaluation/index.js';

const largestMatrix = 20;
const mostConfused = 20;

export function confusionView({ confusion, classes }: Results): Html {
  return classes.length <= largestMatrix ? matrix(confusion, classes) : pairs(confusion, classes);
}

function matrix(counts: Results['confusion'], classes: readonly string[]): Html {
  return html`<div class="scroll" tabindex="0">
    <table class="confusion">
      <caption>
        <span>Images of each true class (rows) by answer (columns); shade: share of the row</span>
      </caption>
      <thead>
        <tr>
          <td></td>
          ${classes.map(name => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${counts.map((row, i) => {
          const total = row.reduce((a, b) => a + b, 0);
          return html`<tr>
            <th scope="row">${classes[i] ?? ''}</th>
            ${row.map((count, j) => cell(count, total, i === j))}
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

/** Errors are rare: the square root makes one in a hundred visible. */
function cell(count: number, total: number, right: boolean): Html {
  if (count === 0) return html`<td></td>`;
  const shade = percent(Math.sqrt(count / total), 1);
  return html`<td class="${right ? 'hit' : 'miss'}" style="--shade:${shade}%">${integer(count)}</td>`;
}

function pairs(counts: Results['confusion'], classes: readonly string[]): Html {
  const confused = counts
    .flatMap((row, i) =>
      row.map((count, j) => ({ count, truth: classes[i] ?? '', taken: classes[j] ?? '', i, j })),
    )
    .filter(({ count, i, j }) => count > 0 && i !== j)
    .sort((a, b) => b.count - a.count)
    .slice(0, mostConfused);
  return html`<div class="scroll" tabindex="0">
    <table>
      <caption>
        <span>Most frequent confusions</span>
      </caption>
      <thead>
        <tr>
          <th scope="col">True class</th>
          <th scope="col">taken for</th>
          <th scope="col">images</th>
        </tr>
      </thead>
      <tbody>
        ${confused.map(
          ({ truth, taken, count }) =>
            html`<tr>
              <th scope="row">${truth}</th>
              <td>${taken}</td>
              <td>${integer(count)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
