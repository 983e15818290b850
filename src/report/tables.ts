/** The tables of an evaluation, as text; the terminal and the report lay them out. */
import type { OperatingPoint, Results } from '../evaluation/index.js';
import { errorRate, multiAdds, percent, threshold } from './format.js';

export interface Table {
  readonly title: string;
  /** The first column names the row. */
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Error after each step of each policy, and what the steps have cost by then. */
export function stepsTable({ policies }: Results): Table {
  const steps = policies[0]?.steps ?? [];
  return {
    title: 'Error % after each step',
    head: ['Places to look', ...steps.map(({ step }) => `step ${step}`)],
    rows: [
      ['Multi-Adds so far', ...steps.map(step => multiAdds(step.multiAdds))],
      ...policies.map(policy => [policy.name, ...policy.steps.map(errorRate)]),
    ],
  };
}

export function staticsTable({ statics }: Results): Table {
  return {
    title: 'Plain networks, for comparison',
    head: ['Network', 'input', 'Multi-Adds', 'error %'],
    rows: statics.map(network => [
      network.name,
      `${network.input} px`,
      multiAdds(network.multiAdds),
      errorRate(network),
    ]),
  };
}

const pointHead = ['mean Multi-Adds', 'mean steps', 'error %', 'leave at step, %'];

function pointCells(point: OperatingPoint): string[] {
  return [
    multiAdds(point.meanMultiAdds),
    point.meanSteps.toFixed(2),
    errorRate(point),
    point.exitShares.map(share => percent(share, 1)).join(' / '),
  ];
}

const early = (thresholds: readonly number[]) => thresholds.slice(0, -1).map(threshold).join(' / ') || '–';

export function budgetsTable({ budgets }: Results): Table {
  return {
    title: 'Budgets: thresholds fitted on validation, figures on test',
    head: ['Budget', ...pointHead, 'thresholds'],
    rows: budgets.map(point => [multiAdds(point.budget), ...pointCells(point), early(point.thresholds)]),
  };
}

export function exitSharesTable({ exitShares }: Results): Table {
  return {
    title: 'Exit shares in proportion to (p / 20)^t: thresholds fitted on validation, figures on test',
    head: ['p', ...pointHead, 'thresholds'],
    rows: exitShares.map(point => [String(point.p), ...pointCells(point), early(point.thresholds)]),
  };
}

export function directSearchTable({ directSearch }: Results): Table {
  return {
    title: 'Direct search: thresholds fitted on validation, figures on test',
    head: ['#', ...pointHead, 'thresholds'],
    rows: directSearch.map((point, i) => [String(i + 1), ...pointCells(point), early(point.thresholds)]),
  };
}

export function commonThresholdsTable({ commonThresholds }: Results): Table {
  return {
    title: 'One threshold for all steps',
    head: ['Threshold', ...pointHead],
    rows: commonThresholds.map(point => [threshold(point.threshold), ...pointCells(point)]),
  };
}
