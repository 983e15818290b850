/** The tables of an evaluation, as text; the terminal and the report lay them out. */
import type { OperatingPoint, Results } from '../evaluation/index.js';
import { errorRate, integer, interval, multiAdds, percent, points, threshold } from './format.js';

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

/** Each policy's error with its bootstrap interval, and how far the learned one is ahead on the same images. */
export function policiesTable({ policies }: Results): Table {
  const steps = policies[0]?.steps ?? [];
  const wrong = ([low, high]: readonly [number, number]): readonly [number, number] => [1 - high, 1 - low];
  return {
    title:
      'Error % after each step with its 95 % interval (bootstrap over sources), and points by which the learned policy is ahead',
    head: ['Places to look', '', ...steps.map(({ step }) => `step ${step}`)],
    rows: policies.flatMap(({ name, steps }) => [
      [name, 'error', ...steps.map(row => `${percent(1 - row.accuracy)} (${interval(wrong(row.interval))})`)],
      ...(name === 'learned'
        ? []
        : [
            [
              name,
              'learned ahead by',
              ...steps.map(({ behind }) => `${percent(behind.mean)} (${interval(behind.interval)})`),
            ],
          ]),
    ]),
  };
}

export function perClassTable({ perClass, classes }: Results): Table {
  return {
    title:
      'Each class: all steps, and stopping early at full accuracy; 95 % intervals (bootstrap over sources)',
    head: ['Class', 'images', 'right, all steps, %', 'right, early, %', 'mean steps', 'mean Multi-Adds'],
    rows: perClass.map(row => [
      classes[row.class] ?? '',
      integer(row.images),
      `${percent(row.accuracy)} (${interval(row.interval)})`,
      `${percent(row.early.accuracy)} (${interval(row.early.interval)})`,
      row.early.meanSteps.toFixed(2),
      multiAdds(row.early.meanMultiAdds),
    ]),
  };
}

export function movementTable({ looks, model }: Results): Table {
  const pixels = (share: number) => (share * (model.image - model.patch)).toFixed(1);
  return {
    title: 'How far the crop moves from the step before, in pixels',
    head: ['Step', 'mean', 'median', 'nine in ten at most'],
    rows: looks.flatMap(({ step, moved }) =>
      moved === null ? [] : [[String(step), pixels(moved.mean), pixels(moved.median), pixels(moved.ninth)]],
    ),
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

export function guaranteesTable({ risk }: Results): Table {
  return {
    title: `Guarantees, each with a confidence of ${percent(risk.confidence, 1)} %: thresholds found on validation, figures on test`,
    head: ['At most, points', 'of', 'threshold', ...pointHead, 'lost on test, points'],
    rows: risk.guarantees.map(point => [
      percent(point.maxDrop, 1),
      point.risk,
      threshold(point.threshold),
      ...pointCells(point),
      points(point.drop),
    ]),
  };
}

export function calibrationTable({ calibration }: Results): Table {
  const pair = (before: number, after: number, show: (value: number) => string) =>
    `${show(before)} → ${show(after)}`;
  return {
    title: 'Calibration on test, as it is → with the temperature fitted on validation',
    head: ['Step', 'temperature', 'ECE, %', 'ECE of equal bins, %', 'Brier', 'NLL'],
    rows: calibration.map(({ step, temperature, before, after }) => [
      String(step),
      temperature.toFixed(3),
      pair(before.ece, after.ece, percent),
      pair(before.adaptiveEce, after.adaptiveEce, percent),
      pair(before.brier, after.brier, value => value.toFixed(4)),
      pair(before.nll, after.nll, value => value.toFixed(4)),
    ]),
  };
}

export function criteriaTable({ criteria }: Results): Table {
  const budgets = [...new Set(criteria.map(({ budget }) => budget))];
  const names = [...new Set(criteria.map(({ criterion }) => criterion))];
  return {
    title:
      'Error % (mean Multi-Adds) of each exit criterion within each budget: thresholds fitted on validation',
    head: ['Criterion', ...budgets.map(multiAdds)],
    rows: names.map(name => [
      name,
      ...criteria
        .filter(({ criterion }) => criterion === name)
        .map(point => `${errorRate(point)} (${multiAdds(point.meanMultiAdds)})`),
    ]),
  };
}

export function robustnessTable({ sets }: NonNullable<Results['robustness']>): Table {
  return {
    title: 'Images made worse, under thresholds fitted on good ones',
    head: ['Corruption', 'severity', 'error %, all steps', 'error %, early', 'mean steps', 'mean Multi-Adds'],
    rows: sets.map(({ corruption, severity, allSteps, early }) => [
      corruption,
      String(severity),
      errorRate(allSteps),
      errorRate(early),
      early.meanSteps.toFixed(2),
      multiAdds(early.meanMultiAdds),
    ]),
  };
}
