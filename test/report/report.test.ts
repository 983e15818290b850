import { describe, expect, it } from 'vitest';
import { encodePicture } from '../../src/data/decode.js';
import { parseResults, withRobustness, withTiming } from '../../src/evaluation/index.js';
import { stream } from '../../src/random/index.js';
import { renderReport, renderTerminal, type Gallery } from '../../src/report/index.js';
import { modelOutputs } from '../evaluation/synthetic.js';
import { hostile, resultsOf, timedResultsOf } from './results.js';
import { sampleOf } from './samples.js';

const guess = { class: 0, label: hostile, probability: 0.9 };
const group = (seed: number) =>
  Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      sampleOf(seed + i, {
        name: `${hostile}.png`,
        truth: hostile,
        predicted: seed === 10 ? hostile : '3',
        beliefs: [{ step: 1, top: [guess] }],
        exitStep: 2,
      }),
    ),
  );
const gallery: Gallery = {
  right: await group(10),
  worst: [],
  wrong: await group(20),
  longest: await group(30),
};
const empty: Gallery = { right: [], worst: [], wrong: [], longest: [] };
const report = renderReport(resultsOf(), gallery);

const voids = new Set(['meta', 'img', 'br', 'hr', 'input', 'link']);

/** Tags in order of their opening; throws where one is closed that is not open, or left open. */
function tags(text: string): { name: string; attributes: string }[] {
  const markup = text.replace(/<style>[^]*?<\/style>/g, '').replace(/<!doctype html>/, '');
  const open: string[] = [];
  const found = [...markup.matchAll(/<(\/?)([a-zA-Z0-9]+)((?:[^<>"]|"[^"]*")*?)(\/?)>/g)];
  const all = found.flatMap(([, closing, name = '', attributes = '', selfClosed]) => {
    if (closing) {
      expect(open.pop()).toBe(name);
      return [];
    }
    if (!selfClosed && !voids.has(name)) open.push(name);
    return [{ name, attributes }];
  });
  expect(open).toEqual([]);
  expect(markup.match(/</g)).toHaveLength(found.length);
  return all;
}

describe('the report', () => {
  it('is well-formed, in a language, titled, with headings in order', () => {
    const all = tags(report);
    expect(report.startsWith('<!doctype html>')).toBe(true);
    expect(all.find(({ name }) => name === 'html')?.attributes).toContain('lang="en"');
    expect(all.filter(({ name }) => name === 'h1')).toHaveLength(1);
    // In a drawing a title is a tooltip.
    expect(tags(report.replace(/<svg[^]*?<\/svg>/g, '')).filter(({ name }) => name === 'title')).toHaveLength(
      1,
    );
    const levels = all.flatMap(({ name }) => (/^h\d$/.test(name) ? [Number(name[1])] : []));
    for (const [i, level] of levels.entries()) expect(level).toBeLessThanOrEqual((levels[i - 1] ?? 0) + 1);
  });

  it('runs nothing and asks the network for nothing', () => {
    const all = tags(report);
    expect(all.map(({ name }) => name)).not.toContain('script');
    expect(all.map(({ name }) => name)).not.toContain('link');
    expect(report).not.toMatch(/https?:\/\/|@import|url\((?!#)/);
    for (const { attributes } of all) {
      expect(attributes).not.toMatch(/\son\w+=/);
      for (const [, address = ''] of attributes.matchAll(/(?:src|href)="([^"]*)"/g)) {
        expect(address).toMatch(/^(data:image\/png;base64,|#(right|worst|wrong|longest)-\d$)/);
      }
    }
  });

  it('escapes every string it is given', () => {
    expect(report).not.toContain('<script');
    const escaped = '&lt;script src=&quot;x&quot;&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;';
    expect(report).toContain(`${escaped}3`);
    // The name of each image of the gallery.
    expect(report.split(`${escaped}.png`)).toHaveLength(30 + 1);
  });

  it('says in words what each picture shows', () => {
    const all = tags(report);
    const images = all.filter(({ name }) => name === 'img');
    // The glance of each of 30 samples.
    expect(images).toHaveLength(30);
    for (const { attributes } of images) expect(attributes).toMatch(/alt="[^"]+"/);
    const drawings = all.filter(({ name }) => name === 'svg');
    for (const { attributes } of drawings)
      expect(attributes).toMatch(/aria-label="[^"]+"|aria-hidden="true"/);
    const figures = all.filter(({ attributes }) => attributes.includes('role="img"'));
    // 8 charts, 3 heat maps and 3 for each of 10 classes, 30 samples with three crops each.
    expect(figures).toHaveLength(161);
    for (const { attributes } of figures) expect(attributes).toMatch(/aria-label="[^"]+"/);
  });

  it('stays small', async () => {
    expect(Buffer.byteLength(report)).toBeLessThan(3e6);
    // Four groups of eight photographs: colours that run into each other, and noise.
    const random = stream(1, 'photograph');
    const shape = { height: 224, width: 224, channels: 3 } as const;
    const pixels = Float32Array.from({ length: 224 * 224 * 3 }, (_, i) => {
      const [row, column] = [Math.floor(i / 672) / 224, (Math.floor(i / 3) % 224) / 224];
      return 0.5 + 0.3 * Math.sin(9 * row + (i % 3)) * Math.cos(7 * column) + 0.1 * random();
    });
    const glance = await encodePicture(pixels.subarray(0, 96 * 96 * 3), { ...shape, height: 96, width: 96 });
    const photograph = await sampleOf(1, { image: await encodePicture(pixels, shape), side: 224, glance });
    const eight = Array.from({ length: 8 }, () => photograph);
    const photographs = { right: eight, worst: eight, wrong: eight, longest: eight };
    expect(Buffer.byteLength(renderReport(resultsOf(), photographs))).toBeLessThan(5e6);
  });

  it('draws each box in pixels of the image', async () => {
    const box = { row: 7, column: 20, size: 28 };
    const sample = await sampleOf(1, { crops: [{ box, step: 2 }], exitStep: 2 });
    const text = renderReport(resultsOf(), { ...empty, right: [sample] });
    const [, frame] = /<rect\s+([^>]*fill="none"[^>]*stroke-dasharray="none"[^>]*)\/>/.exec(text) ?? [];
    const at = (name: string) => Number(new RegExp(`\\b${name}="([^"]*)"`).exec(frame ?? '')?.[1]);
    // The stroke is one pixel of this image, wholly inside the box.
    expect([at('x'), at('y'), at('width'), at('height')]).toEqual([20.5, 7.5, 27, 27]);
  });

  it('leaves out what there is nothing to say about', () => {
    const text = renderReport({ ...resultsOf(), statics: [], looks: [] }, empty);
    tags(text);
    expect(text).not.toMatch(/Where it look|Plain networks|By the clock/);
  });

  it('gives the time where it was measured', () => {
    const timed = withTiming(resultsOf(), {
      conditions: 'two threads',
      allStepsImagesPerSecond: 100,
      earlyExitImagesPerSecond: 217,
    });
    expect(renderReport(timed, empty)).toContain('217 images/s instead of 100 (two threads): 2.17× measured');
  });

  it('gives accuracy against milliseconds where the steps were timed', () => {
    const timed = timedResultsOf();
    const text = renderReport(timed, empty);
    tags(text);
    expect(text.replace(/\s+/g, ' ')).toContain('2.00, 3.00, 3.00, 3.00 ms each (medians over 100 images)');
    expect(text).not.toContain('<script');
    expect(renderReport(resultsOf(), empty)).not.toContain('Within milliseconds');
    expect(renderTerminal(timed)).toMatch(/Budgets of milliseconds/);
    expect(parseResults(JSON.stringify(timed), 'results.json')).toEqual(timed);
    // Results from before steps were timed are read all the same.
    const before = JSON.stringify({ ...timed, latency: undefined });
    expect(parseResults(before, 'results.json').latency).toBeNull();
  });

  it('lists the most frequent confusions where there are too many classes for a matrix', () => {
    expect(report).toContain('class="confusion"');
    const many = renderReport(resultsOf(50), empty);
    expect(many).not.toContain('class="confusion"');
    expect(many).toContain('Most frequent confusions');
  });
});

describe('the report on worse images', () => {
  const results = resultsOf();
  const sets = ['none', 'gaussian noise', 'jpeg'].flatMap((corruption, i) =>
    (i === 0 ? [0] : [1, 2, 3, 4, 5]).map(severity => ({
      corruption,
      severity,
      outputs: modelOutputs(
        10 * i + severity,
        100,
        [4, 5, 6, 7].map(strength => strength - severity / 2),
      ),
    })),
  );

  it('has a row for each corruption and severity, and two charts', () => {
    const worse = withRobustness(results, 'CIFAR-10-C', 100, sets);
    const html = renderReport(worse, empty);
    expect(html.match(/<th scope="row">gaussian noise<\/th>/g)).toHaveLength(5);
    expect(html).toContain('against severity');
    expect(html).toContain('CIFAR-10-C');
    expect(renderReport(results, empty)).not.toContain('against severity');
    expect(renderTerminal(worse)).toMatch(/jpeg +5 /);
    expect(parseResults(JSON.stringify(worse), 'results.json')).toEqual(worse);
  });
});
