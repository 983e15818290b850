/** The report: one HTML file that needs neither network nor scripts. */
import type { Results } from '../evaluation/index.js';
import { calibrationView } from './calibration.js';
import { cards } from './cards.js';
import { chart } from './chart.js';
import { costFigure, exitsFigure, stepsFigure } from './charts.js';
import { confusionView } from './confusion.js';
import { integer } from './format.js';
import { galleryView } from './gallery.js';
import { html, nothing, type Html } from './html.js';
import { latencyView } from './latency.js';
import { looksView } from './looks.js';
import { page } from './page.js';
import { riskView } from './risk.js';
import { robustnessView } from './robustness.js';
import type { Gallery } from './sample.js';
import { summary } from './summary.js';
import { tableView } from './table-view.js';
import {
  budgetsTable,
  commonThresholdsTable,
  directSearchTable,
  exitSharesTable,
  perClassTable,
  policiesTable,
  staticsTable,
  stepsTable,
} from './tables.js';

/** The whole file's text. */
export function renderReport(results: Results, gallery: Gallery): string {
  const { model, test } = results;
  const title = `${model.name} on ${test.name}`;
  const lead = html`<p class="lead">
      ${model.architecture}; ${integer(model.parameters)} parameters. Up to ${model.steps} looks of
      ${model.patch} × ${model.patch} pixels at images of ${model.image} × ${model.image};
      ${integer(test.images)} test images of ${integer(test.sources)} sources.
    </p>
    ${cards(results)}`;
  return page(title, lead, html`${sections(results, gallery)} ${provenance(results)}`);
}

function sections(results: Results, gallery: Gallery): Html {
  const { statics, looks } = results;
  const samples = Object.values(gallery).flat().length;
  return html`
    <section>
      <h2>What accuracy costs</h2>
      <div class="columns">${chart(costFigure(results))} ${chart(stepsFigure(results))}</div>
      ${tableView(stepsTable(results))} ${tableView(policiesTable(results))} ${oracleNote(results)}
      ${statics.length === 0 ? nothing : tableView(staticsTable(results))}
    </section>
    <section>
      <h2>Stopping early</h2>
      <div class="columns">
        ${chart(exitsFigure(results))}
        <div>${summary(results).map(sentence => html`<p>${sentence}</p>`)}</div>
      </div>
      ${tableView(budgetsTable(results))} ${tableView(commonThresholdsTable(results))}
      <details>
        <summary>The thresholds behind the early-exit curves</summary>
        ${tableView(directSearchTable(results))} ${tableView(exitSharesTable(results))}
      </details>
    </section>
    ${latencyView(results)}
    <section>
      <h2>Stopping early with a guarantee</h2>
      ${riskView(results)}
    </section>
    <section>
      <h2>How far confidence can be believed</h2>
      ${calibrationView(results)}
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
    ${robustnessView(results)}
    <section>
      <h2>Class by class</h2>
      ${tableView(perClassTable(results))}
      <h3>What it mixes up</h3>
      ${confusionView(results)}
    </section>
  `;
}

function oracleNote({ policies }: Results): Html {
  return policies.some(({ name }) => name === 'oracle')
    ? html`<p>
        The oracle tries every place of a grid at each step and takes the one after which the true class is
        likeliest. It sees the label, so it is an upper bound on choosing well among these places, not a way
        to predict.
      </p>`
    : nothing;
}

function provenance({ command, seed, validation, test }: Results): Html {
  return html`<footer>
    <p>Made by <code>${command}</code>${seed === null ? '' : ` with seed ${seed}`}.</p>
    <p>
      Thresholds were fitted on ${validation.name} (${integer(validation.images)} images), every figure is
      reported on ${test.name} (${integer(test.images)} images). ± is one standard error, with images of one
      source counted together.
    </p>
  </footer>`;
}
