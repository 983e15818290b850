import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluationsPage, renderReport } from '../../src/report/index.js';
import { comparisonOf, resultsOf } from './results.js';
import { sampleOf } from './samples.js';

/** Debian's package chromium, or what CHROMIUM names. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const there = existsSync(executablePath);
if (!there) process.stderr.write(`no Chromium at ${executablePath}: the report is not tried in a browser\n`);

describe.skipIf(!there)('the report in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gfnet-report-'));
  const path = join(folder, 'report.html');
  let browser: Browser;

  beforeAll(async () => {
    const samples = await Promise.all([1, 2, 3].map(seed => sampleOf(seed)));
    const gallery = { right: samples, worst: samples, wrong: [], longest: samples };
    writeFileSync(path, renderReport(resultsOf(), gallery));
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  async function open(
    options: Parameters<Browser['newPage']>[0] = {},
    file = path,
  ): Promise<{ page: Page; faults: string[] }> {
    const page = await browser.newPage(options);
    const faults: string[] = [];
    page.on('console', message => faults.push(`console: ${message.text()}`));
    page.on('pageerror', error => faults.push(`error: ${error.message}`));
    page.on('request', request => {
      if (!/^(file|data):/.test(request.url())) faults.push(`request: ${request.url()}`);
    });
    await page.goto(pathToFileURL(file).href, { waitUntil: 'load' });
    return { page, faults };
  }

  it('has a tooltip on every point and bar, and loads a comparison without errors or requests', async () => {
    const { page } = await open();
    const titles = await page.locator('figure.chart svg title').allTextContents();
    expect(titles.length).toBeGreaterThan(100);
    expect(titles.filter(title => title === '')).toEqual([]);
    await page.close();
    const compared = join(folder, 'compared.html');
    writeFileSync(compared, evaluationsPage(comparisonOf()));
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page: other, faults } = await open(
        { colorScheme, viewport: { width: 400, height: 800 } },
        compared,
      );
      expect(faults).toEqual([]);
      expect(await other.locator('figure.chart svg title').count()).toBeGreaterThan(15);
      expect(await other.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
      await other.close();
    }
  });

  it.each(['light', 'dark'] as const)(
    'loads in %s without errors or requests, every picture decoded',
    async colorScheme => {
      const { page, faults } = await open({ colorScheme });
      const images = await page
        .locator('img')
        .evaluateAll(all => all.map(image => (image as unknown as { naturalWidth: number }).naturalWidth));
      expect(images.length).toBeGreaterThan(0);
      expect(Math.min(...images)).toBeGreaterThan(0);
      const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(background).toBe(colorScheme === 'light' ? 'rgb(251, 251, 250)' : 'rgb(18, 20, 23)');
      expect(faults).toEqual([]);
      await page.close();
    },
  );

  it.each([360, 768, 1280])('fits a window of %i pixels', async width => {
    const { page } = await open({ viewport: { width, height: 800 } });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    await page.close();
  });

  it('is the same without scripts, and names every picture', async () => {
    const { page } = await open({ javaScriptEnabled: false });
    expect(await page.getByRole('heading').count()).toBeGreaterThan(8);
    expect(await page.getByRole('table').count()).toBeGreaterThan(8);
    const pictures = page.getByRole('img');
    const names = await Promise.all(
      (await pictures.all()).map(async picture =>
        ((await picture.getAttribute('aria-label')) ?? (await picture.getAttribute('alt')) ?? '').trim(),
      ),
    );
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter(name => name === '')).toEqual([]);
    await page.close();
  });

  it('prints on pages', async () => {
    const { page } = await open();
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.close();
  });
});
