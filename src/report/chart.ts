/** A chart as inline SVG, drawn by echarts without a browser, in the page's own colours. */
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { EChartsOption } from 'echarts';
import sharp from 'sharp';
import { html, trusted, type Html } from './html.js';
import { lightColors } from './style.js';

echarts.use([BarChart, CustomChart, LineChart, ScatterChart, GridComponent, SVGRenderer]);

/** Colours are the page's variables, so that one drawing serves light and dark. */
export const color = (name: string) => `var(--${name})`;

const hues = ['learned', 'random', 'centre', 'early', 'wrong', 'corners', 'saliency', 'oracle'];

/** Of the i-th of several runs; later ones begin again. */
export const runColor = (i: number): string => color(hues[i % hues.length] ?? 'ink');

const width = 440;
const height = 290;

/** A line of the legend. */
export interface Key {
  readonly name: string;
  readonly color: string;
  /** The character that stands for it, e.g. `●`. */
  readonly mark: string;
}

/** What a chart shows; drawn into the page or as a file of its own. */
export interface Figure {
  /** Of its file, without an ending. */
  readonly name: string;
  /** Says what the chart shows, for those who don't see it. */
  readonly label: string;
  readonly legend: readonly Key[];
  /** echarts' option; fonts and margins are set here. */
  readonly option: EChartsOption;
}

/** In the page. */
export function chart(figure: Figure): Html {
  const { label, legend } = figure;
  return html`<figure class="chart">
    <figcaption aria-hidden="true">${label}</figcaption>
    <div role="img" aria-label="${label}">${trusted(inline(draw(figure)))}</div>
    <ul class="legend">
      ${legend.map(
        ({ name, color, mark }) =>
          html`<li><span style="color:${color}" aria-hidden="true">${mark}</span> ${name}</li>`,
      )}
    </ul>
  </figure>`;
}

const line = 20;

/** A file of its own, in the colours of the light page, its legend below. */
export function figureSvg(figure: Figure): string {
  const { label, legend } = figure;
  const whole = height + line * legend.length + 12;
  const inner = /<svg[^>]*>([^]*)<\/svg>/.exec(inline(draw(figure)))?.[1] ?? '';
  const svg = html`<svg
    xmlns="http://www.w3.org/2000/svg"
    width="${width}"
    height="${whole}"
    viewBox="0 0 ${width} ${whole}"
    font-family="system-ui, 'DejaVu Sans', sans-serif"
    font-size="13"
  >
    <title>${label}</title>
    <rect width="${width}" height="${whole}" fill="#fff" />
    ${trusted(inner)}
    ${legend.map(({ name, color, mark }, i) => {
      const y = height + line * (i + 0.7);
      return html`<text x="16" y="${y}" style="fill:${color}">${mark}</text>
        <text x="36" y="${y}" style="fill:var(--ink)">${name}</text>`;
    })}
  </svg>`.text;
  // Few programs but browsers know variables.
  return svg.replace(/var\(--(\w+)\)/g, (variable, name: string) => lightColors[name] ?? variable);
}

/** Twice as fine as the drawing is large: 880 pixels wide. */
export function figurePng(svg: string): Promise<Uint8Array> {
  return sharp(Buffer.from(svg), { density: 144 }).png({ compressionLevel: 9 }).toBuffer();
}

function draw({ option }: Figure): string {
  const instance = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  instance.setOption({
    animation: false,
    textStyle: { fontFamily: 'inherit', fontSize: 13, color: color('ink') },
    grid: { left: 56, right: 16, top: 12, bottom: 52 },
    ...option,
  });
  const svg = tooltips(instance.renderToSVGString(), option);
  instance.dispose();
  return svg;
}

/** Each point and bar that has a name says it where the pointer rests: a title, which needs no script. */
function tooltips(svg: string, { series }: EChartsOption): string {
  const all = [series ?? []].flat();
  return svg.replace(
    /<(\w+)([^>]*? ecmeta_series_index="(\d+)"[^>]*? ecmeta_data_index="(\d+)"[^>]*?)(?:\/>|><\/\1>)/g,
    (element, tag: string, attributes: string, s: string, d: string) => {
      const { data } = (all[Number(s)] ?? {}) as { readonly data?: readonly unknown[] };
      const { name } = (data?.[Number(d)] ?? {}) as { readonly name?: string };
      return name === undefined
        ? element
        : `<${tag}${attributes}>${html`<title>${name}</title>`.text}</${tag}>`;
    },
  );
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
