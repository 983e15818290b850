/** The figures that sum an evaluation up. */
import type { Results } from '../evaluation/index.js';
import { errorRate, multiAdds, percent, times } from './format.js';
import { html, type Html } from './html.js';

interface Fact {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

export function cards({ policies, fullAccuracy, timing }: Results): Html {
  const steps = policies[0]?.steps ?? [];
  const facts = [
    ...steps.slice(-1).map(row => errorFact('error after all steps', row)),
    ...steps.slice(0, 1).map(row => errorFact('error after the glance', row)),
    {
      name: 'of the cost at full accuracy',
      value: `${percent(fullAccuracy.relativeCost, 0)} %`,
      note: `${fullAccuracy.meanSteps.toFixed(2)} steps on average, error ${errorRate(fullAccuracy)} %`,
    },
    ...(timing === null ? [] : [speedFact(timing)]),
  ];
  return html`<dl class="cards">
    ${facts.map(
      ({ name, value, note }) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value} <small>${note}</small></dd>
        </div>`,
    )}
  </dl>`;
}

function errorFact(name: string, row: Results['policies'][number]['steps'][number]): Fact {
  return {
    name,
    value: `${percent(1 - row.accuracy)} %`,
    note: `± ${percent(row.standardError)} at ${multiAdds(row.multiAdds)} Multi-Adds`,
  };
}

function speedFact({ measuredSpeedup, countedSpeedup }: NonNullable<Results['timing']>): Fact {
  return {
    name: 'faster by the clock',
    value: times(measuredSpeedup),
    note: `${times(countedSpeedup)} counted in Multi-Adds`,
  };
}
