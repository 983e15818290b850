/** The report: one HTML file that needs neither network nor scripts. */
import type { Results } from '../evaluation/index.js';
import { cards } from './cards.js';
import { costChart, exitsChart, stepsChart } from './charts.js';
import { confusionView } from './confusion.js';
import { integer } from './format.js';
import { galleryView } from './gallery.js';
import { html, nothing, trusted, type Html } from './html.js';
import { looksView } from './looks.js';
import type { Gallery } from './sample.js';
import { css } from './style.js';
import { summary } from './summary.js';
import { tableView } from './table-view.js';
import {
  budgetsTable,
  commonThresholdsTable,
  directSearchTable,
  exitSharesTable,
  staticsTable,
  stepsTable,
} from './tables.js';

/** The whole file's text. */
export function renderReport(results: Results, gallery: Gallery): string {
  const { model, test } = results;
  const title = `${model.name} on ${test.name}`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}: glance and focus</title>
        <style>
          ${trusted(css)}
        </style>
      </head>
      <body>
        <main>
          <header>
            <p class="kicker">Glance and focus</p>
            <h1>${title}</h1>
            <p class="lead">
              ${model.architecture}; ${integer(model.parameters)} parameters. Up to ${model.steps} looks of
              ${model.patch} × ${model.patch} pixels at images of ${model.image} × ${model.image};
              ${integer(test.images)} test images of ${integer(test.sources)} sources.
            </p>
            ${cards(results)}
          </header>
          ${sections(results, gallery)} ${provenance(results)}
        </main>
      </body>
    </html> `.text;
}

function sections(results: Results, gallery: Gallery): Html {
  const { statics, looks } = results;
  const samples = gallery.right.length + gallery.wrong.length + gallery.longest.length;
  return html`
    <section>
      <h2>What accuracy costs</h2>
      <div class="columns">${costChart(results)} ${stepsChart(results)}</div>
      ${tableView(stepsTable(results))} ${statics.length === 0 ? nothing : tableView(staticsTable(results))}
    </section>
    <section>
      <h2>Stopping early</h2>
      <div class="columns">
        ${exitsChart(results)}
        <div>${summary(results).map(sentence => html`<p>${sentence}</p>`)}</div>
      </div>
      ${tableView(budgetsTable(results))} ${tableView(commonThresholdsTable(results))}
      <details>
        <summary>The thresholds behind the early-exit curves</summary>
        ${tableView(directSearchTable(results))} ${tableView(exitSharesTable(results))}
      </details>
    </section>
    ${
      samples === 0
        ? nothing
        : html`<section>
            <h2>Where it looked</h2>
            <p>
              Each box is a place that was looked at, numbered by step; the first look is the whole image,
              small. Dashed boxes and faded steps come after the answer: early exit does not compute them.
              Bars: what the network believed after each step.
            </p>
            ${galleryView(gallery)}
          </section>`
    }
    ${
      looks.length === 0
        ? nothing
        : html`<section>
            <h2>Where it looks on the whole test set</h2>
            ${looksView(results)}
          </section>`
    }
    <section>
      <h2>What it mixes up</h2>
      ${confusionView(results)}
    </section>
  `;
}

function provenance({ command, seed, validation, test }: Results): Html {
  return html`<footer>
    <p>Made by <code>${command}</code> with seed ${seed}.</p>
    <p>
      Thresholds were fitted on ${validation.name} (${integer(validation.images)} images), every figure is
      reported on ${test.name} (${integer(test.images)} images). ± is one standard error, with images of one
      source counted together.
    </p>
  </footer>`;
}
