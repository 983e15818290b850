/** A chart as inline SVG, drawn by echarts without a browser, in the page's own colours. */
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { EChartsOption } from 'echarts';
import { html, trusted, type Html } from './html.js';

echarts.use([BarChart, CustomChart, LineChart, ScatterChart, GridComponent, SVGRenderer]);

/** Colours are the page's variables, so that one drawing serves light and dark. */
export const color = (name: string) => `var(--${name})`;

const width = 440;
const height = 290;

/** A line of the legend. */
export interface Key {
  readonly name: string;
  readonly color: string;
  /** The character that stands for it, e.g. `●`. */
  readonly mark: string;
}

/**
 * @param label says what the chart shows, for those who don't see it
 * @param option echarts' option; fonts and margins are set here
 */
export function chart(label: string, legend: readonly Key[], option: EChartsOption): Html {
  const instance = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  instance.setOption({
    animation: false,
    textStyle: { fontFamily: 'inherit', fontSize: 13, color: color('ink') },
    grid: { left: 56, right: 16, top: 12, bottom: 52 },
    ...option,
  });
  const svg = instance.renderToSVGString();
  instance.dispose();
  return html`<figure class="chart">
    <div role="img" aria-label="${label}">${trusted(inline(svg))}</div>
    <ul class="legend">
      ${legend.map(
        ({ name, color, mark }) =>
          html`<li><span style="color:${color}" aria-hidden="true">${mark}</span> ${name}</li>`,
      )}
    </ul>
  </figure>`;
}

/** An inline drawing needs no namespaces, answers no pointer, scales with its column, and is described by its parent. */
function inline(svg: string): string {
  return svg
    .replace(/<style[^]*?<\/style>/, '')
    .replace(/ (xmlns(:xlink)?|class|ecmeta_\w+)="[^"]*"/g, '')
    .replace(/<svg [^>]*>/, `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true">`);
}

/** An axis in the page's colours. */
export function axis(name: string, gap: number) {
  return {
    name,
    nameLocation: 'middle' as const,
    nameGap: gap,
    nameTextStyle: { color: color('muted'), fontSize: 13 },
    axisLabel: { color: color('muted'), fontSize: 12, hideOverlap: true },
    axisLine: { lineStyle: { color: color('line') } },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: color('line') } },
  };
}
