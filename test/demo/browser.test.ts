/** The same class and boxes in a browser as in Node, and the demo's page as a user meets it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import type { AxeResults } from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DemoImage, DemoServer } from '../../src/demo/server.js';
import { serveDemo } from '../../src/demo/server.js';
import { startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { makeBundle, writeBundle } from '../../src/export/bundle.js';
import { findEvaluation } from '../../src/predict/calibration.js';
import { GFNet } from '../../src/predict/index.js';
import { loadModel } from '../../src/predict/load.js';
import type { Prediction } from '../../src/predict/prediction.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { testDigits } from '../helpers/digits.js';
import { noiseBytes } from '../helpers/network.js';
import { bundled, root } from '../web/support.js';

/** Debian's package chromium, or what CHROMIUM names. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const there = existsSync(executablePath);
if (!there) process.stderr.write(`no Chromium at ${executablePath}: nothing is tried in a browser\n`);

const folder = temporaryFolder();
const packaged = join(root, 'checkpoints/cluttered-60');
const bundle = join(folder, 'digits');
const [example = Buffer.alloc(0)] = await testDigits(1);

/** Chromium rounds what it lays over black, libvips cuts off: one level of 255. */
const apart = (name: string | undefined): number => (name === 'transparent' ? 1e-2 : 1e-3);

/** A digit as people have images: other sizes, formats, colours, turned by EXIF, transparent. */
async function images(): Promise<DemoImage[]> {
  const large = (): Sharp => sharp(example).toColourspace('srgb').resize(311, 240, { fit: 'fill' });
  return [
    { name: 'as it is', content: example },
    { name: 'large', content: await large().png().toBuffer() },
    {
      name: 'photograph',
      content: await large().tint('#80c0ff').jpeg().toBuffer(),
    },
    {
      name: 'turned',
      content: await large().rotate(90).withMetadata({ orientation: 8 }).png().toBuffer(),
    },
    { name: 'transparent', content: await large().ensureAlpha(0.7).png().toBuffer() },
  ];
}

describe.skipIf(!there)('in Chromium', () => {
  let browser: Browser;
  let model: GFNet;
  let given: DemoImage[];
  const servers: DemoServer[] = [];

  async function serve(page: string): Promise<string> {
    const server = await serveDemo(bundle, given, page, 0);
    servers.push(server);
    return server.url;
  }

  beforeAll(async () => {
    startEngine();
    const loaded = loadModel(packaged);
    const examples = { names: ['noise'], pixels: noiseBytes(60 * 60) };
    writeBundle(
      bundle,
      await makeBundle('digits', loaded, findEvaluation(loaded.checkpoint), examples),
      new Map(),
    );
    disposeTree(loaded.variables);
    given = await images();
    model = await GFNet.load(bundle, { threads: 1 });
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await Promise.all(servers.map(server => server.close()));
    await model.dispose();
  });

  async function open(
    url: string,
    options: Parameters<Browser['newPage']>[0] = {},
  ): Promise<{ page: Page; faults: string[] }> {
    const page = await browser.newPage({ reducedMotion: 'reduce', ...options });
    const faults: string[] = [];
    page.on('console', message => faults.push(`console: ${message.text()}`));
    page.on('pageerror', error => faults.push(`error: ${error.message}`));
    page.on('requestfailed', request => faults.push(`failed: ${request.url()}`));
    page.on('request', request => {
      if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url()))
        faults.push(`request: ${request.url()}`);
    });
    await page.goto(url);
    return { page, faults };
  }

  describe('gfnet/web', () => {
    let page: Page;
    let faults: string[];

    beforeAll(async () => {
      const made = join(folder, 'page');
      mkdirSync(made);
      const { outputFiles } = await bundled(
        "import * as web from './src/web/index.ts'; Object.assign(globalThis, { web });",
      );
      for (const { path, contents } of outputFiles) writeFileSync(join(made, basename(path)), contents);
      writeFileSync(
        join(made, 'index.html'),
        '<!doctype html><link rel="icon" href="data:,"><script type="module" src="stdin.js"></script>',
      );
      ({ page, faults } = await open(await serve(made)));
      await page.waitForFunction('globalThis.web !== undefined');
      await page.evaluate(`(async () => {
        // Safari has neither.
        delete ReadableStream.prototype[Symbol.asyncIterator];
        delete ReadableStream.prototype.values;
        globalThis.model = await web.GFNet.load('bundle', { runtime: 'runtime/', threads: 2 });
        globalThis.images = await Promise.all([0, 1, 2, 3, 4].map(async i => (await fetch('examples/' + i)).blob()));
      })()`);
    });

    it.each([{ threshold: 1 }, { threshold: 0.6 }, { budget: 20e6 }, { maxAccuracyDrop: 0.005 }])(
      'answers as Node does: %o',
      async options => {
        const expected = await model.predict(
          given.map(({ content }) => content),
          options,
        );
        const found = await page.evaluate<Prediction[]>(
          `model.predict(images, ${JSON.stringify({ ...options, batchSize: 3 })})`,
        );
        expect(found.map(({ steps, boxes, multiAdds }) => ({ steps, boxes, multiAdds }))).toEqual(
          expected.map(({ steps, boxes, multiAdds }) => ({ steps, boxes, multiAdds })),
        );
        expected.forEach(({ beliefs }, i) =>
          beliefs.forEach(({ top }, t) => {
            const other = found[i]?.beliefs[t]?.top ?? [];
            expect(other.map(({ label }) => label).slice(0, 2)).toEqual(
              top.map(({ label }) => label).slice(0, 2),
            );
            const differences = top.map(({ probability }, k) =>
              Math.abs(probability - (other[k]?.probability ?? NaN)),
            );
            expect(Math.max(...differences), given[i]?.name).toBeLessThan(apart(given[i]?.name));
          }),
        );
        expect(faults).toEqual([]);
      },
    );

    it('has threads, and refuses what it cannot use', async () => {
      expect(await page.evaluate('crossOriginIsolated')).toBe(true);
      const refusal = (code: string): Promise<string> =>
        page.evaluate<string>(`(${code}).then(() => 'accepted', error => error.name + ': ' + error.message)`);
      expect(await refusal("model.predict([new Blob(['none'])])")).toMatch(/^ImageError/);
      expect(await refusal('model.predict(images, { threshold: 2 })')).toMatch(/^UsageError/);
      expect(await refusal("web.GFNet.load('nothing')")).toMatch(/^BundleError[^]*nothing/);
    });
  });

  describe('the page', () => {
    let url: string;

    beforeAll(async () => {
      execFileSync(process.execPath, [join(root, 'bundle-page.mjs')]);
      url = await serve(join(root, 'dist/page'));
    });

    const ready = async (page: Page): Promise<void> => {
      await page.locator('#again:not([disabled])').waitFor();
      await page.locator('#steps li').nth(3).waitFor();
    };

    it('shows where the network looked, told to a screen reader too', async () => {
      const { page, faults } = await open(url);
      await ready(page);
      const [prediction] = await model.predict([example], { threshold: 1 });
      const items = await page.locator('#steps li').allTextContents();
      expect(items.length).toBe(prediction?.steps);
      prediction?.boxes.forEach(({ row, column }, i) =>
        expect(items[i + 1]).toContain(`at row ${row}, column ${column}`),
      );
      expect(await page.locator('#picture rect').count()).toBe(3);
      expect(await page.locator('#live[role=status]').textContent()).toContain(
        `It answers “${prediction?.label ?? ''}”`,
      );
      expect(await page.getByRole('img', { name: /Glance: .* Multi-Adds; Look 2/ }).count()).toBe(1);
      expect(await page.getByRole('button', { name: 'as it is' }).count()).toBe(1);
      expect(faults).toEqual([]);
      await page.close();
    });

    it('moves the threshold by keys', async () => {
      const { page } = await open(url);
      await ready(page);
      const slider = page.getByRole('slider', { name: 'Confidence at which it answers' });
      for (let i = 0; i < 20; i++) {
        await page.keyboard.press('Tab');
        if (await slider.evaluate('document.activeElement.id === "threshold"')) break;
      }
      const answer = page.locator('#answer');
      await page.keyboard.press('Home');
      expect(await answer.textContent()).toMatch(/after the glance, .*\(24 %\)/);
      expect(await page.locator('#steps li.saved').count()).toBe(3);
      await page.keyboard.press('End');
      expect(await answer.textContent()).toMatch(/after look 4, .*\(100 %\)/);
      expect(await slider.getAttribute('aria-valuetext')).toBe('never, all looks');
      await page.close();
    });

    it('works when the network is gone, on files of the user, and says what it cannot read', async () => {
      const { page, faults } = await open(url);
      await ready(page);
      await page.context().setOffline(true);
      await page.getByRole('button', { name: 'photograph' }).press('Enter');
      await page.getByRole('img', { name: 'photograph, as the network sees it' }).waitFor();
      await ready(page);
      await page
        .getByLabel('Choose an image')
        .setInputFiles({ name: 'mine.png', mimeType: 'image/png', buffer: example });
      await page.getByRole('img', { name: 'mine.png, as the network sees it' }).waitFor();
      await ready(page);
      await page
        .getByLabel('Choose an image')
        .setInputFiles({ name: 'none.png', mimeType: 'image/png', buffer: Buffer.from('none') });
      await expect
        .poll(() => page.getByRole('alert').textContent())
        .toMatch(/cannot be decoded[^]*none\.png/);
      expect(faults).toEqual([]);
      await page.close();
    });

    it('takes a file that is dropped, anywhere in the page', async () => {
      const { page, faults } = await open(url);
      await ready(page);
      for (const [name, place] of [
        ['dropped.png', '#drop'],
        ['missed.png', 'h1'],
      ] as const) {
        const dropped = await page.evaluateHandle(`(() => {
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(${JSON.stringify([...example])});
          transfer.items.add(new File([bytes], '${name}', { type: 'image/png' }));
          return transfer;
        })()`);
        await page.dispatchEvent(place, 'dragover', { dataTransfer: dropped });
        expect(await page.locator('#drop.over').count()).toBe(1);
        await page.dispatchEvent(place, 'drop', { dataTransfer: dropped });
        await page.getByRole('img', { name: `${name}, as the network sees it` }).waitFor();
        await ready(page);
        expect(await page.locator('#drop.over').count()).toBe(0);
      }
      expect(page.url()).toBe(url);
      expect(faults).toEqual([]);
      await page.close();
    });

    it.each(['light', 'dark'] as const)('has no fault that axe finds, %s', async colorScheme => {
      // Contrast is judged by what is drawn; the audit's script is no page's own, which the page's policy would refuse.
      const { page } = await open(url, { colorScheme, bypassCSP: true });
      await ready(page);
      await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core/axe.min.js') });
      const { violations, passes } = await page.evaluate<AxeResults>('axe.run()');
      expect(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])).toEqual([]);
      expect(passes.map(({ id }) => id)).toEqual(expect.arrayContaining(['color-contrast', 'label']));
      await page.close();
    });

    it.each([320, 1280])('fits a window of %i pixels', async width => {
      const { page } = await open(url, { viewport: { width, height: 800 }, colorScheme: 'dark' });
      await ready(page);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      await page.close();
    });
  });
});

it.skipIf(!there)('answers to this machine’s own name alone', async () => {
  const server = await serveDemo(bundle, [], join(root, 'dist/page'), 0);
  const { request } = await import('node:http');
  const status = await new Promise(resolve => {
    request(server.url, { headers: { host: 'elsewhere.example' } }, ({ statusCode }) =>
      resolve(statusCode),
    ).end();
  });
  expect(status).toBe(403);
  expect((await fetch(server.url)).headers.get('cross-origin-embedder-policy')).toBe('require-corp');
  await server.close();
});
