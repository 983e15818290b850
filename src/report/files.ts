/** The results as files for other programs: a table a CSV file, a figure an SVG file. */
import type { Results } from '../evaluation/index.js';
import { reliabilityFigure } from './calibration.js';
import { figureSvg, type Figure } from './chart.js';
import { costFigure, exitsFigure, stepsFigure } from './charts.js';
import { toCsv } from './csv.js';
import { latencyFigure, latencyName } from './latency.js';
import { coverageFigure } from './risk.js';
import { severityFigures, severityNames } from './robustness.js';

export interface ResultFile {
  /** Within the folder of results.json. */
  readonly path: string;
  /** Null where these results have nothing for it, and one that is there is of others. */
  readonly text: string | null;
}

/** Every table with all its digits, and every figure in the colours of the light page. */
export function resultFiles(results: Results): ResultFile[] {
  const { classes, robustness } = results;
  const tables: Readonly<Record<string, readonly object[]>> = {
    policies: results.policies.flatMap(({ name, steps }) => steps.map(step => ({ policy: name, ...step }))),
    statics: results.statics,
    budgets: results.budgets,
    'exit-shares': results.exitShares,
    'direct-search': results.directSearch,
    'common-thresholds': results.commonThresholds,
    guarantees: results.risk.guarantees,
    calibration: results.calibration.flatMap(({ step, temperature, before, after }) =>
      [
        { which: 'before', ...before },
        { which: 'after', ...after },
      ].map(({ which, nll, brier, ece, adaptiveEce }) => ({
        step,
        temperature,
        which,
        nll,
        brier,
        ece,
        adaptiveEce,
      })),
    ),
    reliability: results.calibration.flatMap(({ step, before, after }) =>
      before.bins.map((bin, i) => ({ step, bin: i + 1, before: bin, after: after.bins[i] ?? {} })),
    ),
    criteria: results.criteria,
    classes: results.perClass.map(row => ({ name: classes[row.class] ?? '', ...row })),
    confusion: results.confusion.map((row, i) => ({
      true: classes[i] ?? '',
      ...Object.fromEntries(row.map((count, j) => [`answer ${classes[j] ?? ''}`, count])),
    })),
    robustness: robustness?.sets ?? [],
    milliseconds: results.latency?.budgets ?? [],
  };
  return [
    ...filesOf(tables, figures(results)),
    ...(results.latency ? [] : [{ path: `figures/${latencyName}.svg`, text: null }]),
    ...(robustness ? [] : severityNames.map(name => ({ path: `figures/${name}.svg`, text: null }))),
  ];
}

/** `tables/NAME.csv` and `figures/NAME.svg`. */
export function filesOf(
  tables: Readonly<Record<string, readonly object[]>>,
  figures: readonly Figure[],
): ResultFile[] {
  return [
    ...Object.entries(tables).map(([name, rows]) => ({
      path: `tables/${name}.csv`,
      text: rows.length > 0 ? toCsv(rows) : null,
    })),
    ...figures.map(figure => ({ path: `figures/${figure.name}.svg`, text: figureSvg(figure) })),
  ];
}

function figures(results: Results): Figure[] {
  const { robustness, calibration, latency } = results;
  return [
    costFigure(results),
    stepsFigure(results),
    exitsFigure(results),
    coverageFigure(results),
    ...calibration.map(reliabilityFigure),
    ...(robustness ? severityFigures(robustness) : []),
    ...(latency ? [latencyFigure(latency)] : []),
  ];
}
