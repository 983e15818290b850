/** A table as HTML. */
import { html, type Html } from './html.js';
import type { Table } from './tables.js';

export function tableView({ title, head, rows }: Table): Html {
  return html`<div class="scroll" tabindex="0">
    <table>
      <caption>
        <span>${title}</span>
      </caption>
      <thead>
        <tr>
          ${head.map(name => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([name = '', ...cells]) =>
            html`<tr>
              <th scope="row">${name}</th>
              ${cells.map(text => html`<td>${text}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
