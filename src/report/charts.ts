/** The report's charts. */
import type { BarSeriesOption, CustomSeriesOption, LineSeriesOption } from 'echarts';
import type { OperatingPoint, PolicyName, Proportion, Results } from '../evaluation/index.js';
import { axis, color, type Figure, type Key } from './chart.js';
import { stepColor } from './colors.js';
import { errorRate, multiAdds, percent } from './format.js';

const barGap = '10%';

const policyColors: Readonly<Record<PolicyName, string>> = {
  learned: color('learned'),
  random: color('random'),
  centre: color('centre'),
  corners: color('corners'),
  saliency: color('saliency'),
  oracle: color('oracle'),
};

const policyKeys = (policies: Results['policies'], mark: string): Key[] =>
  policies.map(({ name }) => ({ name, color: policyColors[name], mark }));

const markers = [
  { symbol: 'diamond', mark: '◆' },
  { symbol: 'triangle', mark: '▲' },
  { symbol: 'rect', mark: '■' },
] as const;
const marker = (i: number) => markers[i % markers.length] ?? markers[0];

/** At mean Multi-Adds in millions and accuracy in %; `name` begins what its tooltip says. */
export function point(cost: number, { accuracy, standardError }: Proportion, name: string) {
  return {
    name: `${name}: ${percent(accuracy)} ± ${percent(standardError)} % at ${multiAdds(cost)} Multi-Adds`,
    value: [cost / 1e6, 100 * accuracy],
  };
}

/** Accuracy against mean Multi-Adds: anytime curves of the policies, early exit, and plain networks. */
export function costFigure({ policies, exitShares, directSearch, statics }: Results): Figure {
  const legend = [
    ...policyKeys(policies, '●'),
    { name: 'learned, stopping early: direct search', color: color('early'), mark: '━' },
    { name: 'learned, stopping early: exit shares', color: color('early'), mark: '┅' },
    ...statics.map(({ name }, i) => ({ name, color: color('ink'), mark: marker(i).mark })),
  ];
  return {
    name: 'accuracy-cost',
    label: 'Accuracy against mean Multi-Adds for one image',
    legend,
    option: {
      xAxis: { type: 'value', scale: true, ...axis('mean Multi-Adds, millions', 30) },
      yAxis: { type: 'value', scale: true, max: 100, ...axis('accuracy, %', 42) },
      series: [
        ...policies.map(({ name, steps }) => ({
          type: 'line' as const,
          data: steps.map(row => point(row.multiAdds, row, `${name}, step ${row.step}`)),
          symbol: 'circle',
          symbolSize: 8,
          lineStyle: { width: 2, color: policyColors[name] },
          itemStyle: { color: policyColors[name] },
        })),
        frontier('direct search', directSearch, { width: 3 }),
        frontier('exit shares', exitShares, { width: 1.5, type: 'dashed' }),
        ...statics.map((network, i) => ({
          type: 'scatter' as const,
          data: [point(network.multiAdds, network, network.name)],
          symbol: marker(i).symbol,
          symbolSize: 13,
          itemStyle: { color: color('ink') },
        })),
      ],
    },
  };
}

/** Accuracy against mean cost of a family of thresholds. */
function frontier(
  name: string,
  family: readonly OperatingPoint[],
  style: Pick<NonNullable<LineSeriesOption['lineStyle']>, 'width' | 'type'>,
): LineSeriesOption {
  return {
    type: 'line',
    data: [...family]
      .sort((a, b) => a.meanMultiAdds - b.meanMultiAdds)
      .map(row => point(row.meanMultiAdds, row, `${name}, ${row.meanSteps.toFixed(2)} steps`)),
    symbol: 'circle',
    symbolSize: 4,
    lineStyle: { ...style, color: color('early') },
    itemStyle: { color: color('early') },
  };
}

/** Error after each step of each policy, with bars of one standard error either way. */
export function stepsFigure({ policies }: Results): Figure {
  const steps = policies[0]?.steps ?? [];
  return {
    name: 'error-steps',
    label: 'Error after each step for each way of choosing places',
    legend: policyKeys(policies, '■'),
    option: {
      xAxis: { type: 'category', data: steps.map(({ step }) => String(step)), ...axis('step', 30) },
      yAxis: { type: 'value', min: 0, ...axis('error, %', 42) },
      series: [
        ...policies.map(({ name, steps }) => bars(name, steps)),
        ...policies.map(({ steps }, i) => errorBars(steps, i, policies.length)),
      ],
    },
  };
}

function bars(name: PolicyName, steps: readonly Proportion[]): BarSeriesOption {
  return {
    type: 'bar',
    data: steps.map((row, t) => ({
      name: `${name}, step ${t + 1}: error ${errorRate(row)} %`,
      value: 100 * (1 - row.accuracy),
    })),
    itemStyle: { color: policyColors[name], borderRadius: [3, 3, 0, 0] },
    barGap,
  };
}

/** Whiskers of the `index`-th of `count` bars side by side. */
function errorBars(steps: readonly Proportion[], index: number, count: number): CustomSeriesOption {
  return {
    type: 'custom',
    silent: true,
    data: steps.map(({ accuracy, standardError }, t) => [
      t,
      100 * (1 - accuracy - standardError),
      100 * (1 - accuracy + standardError),
    ]),
    renderItem: (_, api) => {
      const bar = api.barLayout({ count, barGap })?.[index];
      const [x = 0, low = 0] = api.coord([api.value(0), api.value(1)]);
      const [, high = 0] = api.coord([api.value(0), api.value(2)]);
      const middle = x + (bar?.offsetCenter ?? 0);
      const line = (x1: number, y1: number, x2: number, y2: number) => ({
        type: 'line' as const,
        shape: { x1, y1, x2, y2 },
        style: { stroke: color('ink'), lineWidth: 1.5 },
      });
      return {
        type: 'group',
        children: [
          line(middle, low, middle, high),
          line(middle - 4, low, middle + 4, low),
          line(middle - 4, high, middle + 4, high),
        ],
      };
    },
    z: 3,
  };
}

/** Share of the images that leave at each step, for each budget. */
export function exitsFigure({ budgets, model }: Results): Figure {
  const steps = Array.from({ length: model.steps }, (_, t) => ({
    name: `step ${t + 1}`,
    color: stepColor(t + 1),
    mark: '■',
    shares: budgets.map(({ budget, exitShares }) => ({
      name: `${percent(exitShares[t] ?? 0, 1)} % leave at step ${t + 1} within ${multiAdds(budget)}`,
      value: 100 * (exitShares[t] ?? 0),
    })),
  }));
  return {
    name: 'exits',
    label: 'Share of images that leave at each step, for each budget',
    legend: steps.map(({ name, color, mark }) => ({ name, color, mark })),
    option: {
      xAxis: {
        type: 'category',
        data: budgets.map(({ budget }) => (budget / 1e6).toPrecision(3)),
        ...axis('budget, millions of Multi-Adds', 30),
      },
      yAxis: { type: 'value', max: 100, ...axis('images, %', 42) },
      series: steps.map(({ color, shares }) => ({
        type: 'bar' as const,
        stack: 'exits',
        barCategoryGap: '25%',
        data: shares,
        itemStyle: { color },
      })),
    },
  };
}
