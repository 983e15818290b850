/** What an evaluation leaves on the disk: results, report, pictures, tables and figures. */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '../checkpoint/atomic.js';
import { makeFolder, requireWritable } from '../checkpoint/folder.js';
import type { Comparison } from '../evaluation/index.js';
import type { ResultFile } from '../report/index.js';
import {
  evaluationsFiles,
  figurePng,
  picturePng,
  evaluationsPage,
  renderReport,
  resultFiles,
} from '../report/index.js';
import type { Measured } from './measure.js';

/** Before what takes long. @throws RunError where nothing can be written there */
export function makeResultFolder(folder: string): void {
  makeFolder(folder);
  requireWritable(folder);
}

export async function writeResults(folder: string, { results, gallery, answers }: Measured): Promise<void> {
  const { right, longest, worst, wrong } = gallery;
  // Those that took long to be answered rightly show best what looking again is for.
  const solved = longest.filter(({ predicted, truth }) => predicted === truth);
  const shown = [...right.slice(0, 1), ...solved.slice(0, 3), ...[...wrong, ...worst].slice(0, 1)];
  writeFileAtomically(join(folder, 'picture.png'), await picturePng(shown));
  const [example] = [...solved, ...right, ...worst];
  if (example) writeFileAtomically(join(folder, 'example.png'), example.image);
  await writeFiles(folder, [...resultFiles(results), { path: 'tables/images.csv', text: answers }]);
  writeFileAtomically(join(folder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileAtomically(join(folder, 'report.html'), renderReport(results, gallery));
}

export async function writeComparison(folder: string, comparison: Comparison): Promise<void> {
  await writeFiles(folder, evaluationsFiles(comparison));
  writeFileAtomically(join(folder, 'comparison.json'), `${JSON.stringify(comparison, null, 2)}\n`);
  writeFileAtomically(join(folder, 'report.html'), evaluationsPage(comparison));
}

/** A figure is written for programs that take SVG, and as PNG beside it for those that don't. */
async function writeFiles(folder: string, files: readonly ResultFile[]): Promise<void> {
  for (const { path, text } of files) {
    const file = join(folder, path);
    const png = file.endsWith('.svg') ? file.replace(/svg$/, 'png') : undefined;
    if (text === null) {
      for (const old of [file, png ?? file]) rmSync(old, { force: true });
      continue;
    }
    makeFolder(dirname(file));
    writeFileAtomically(file, text);
    if (png !== undefined) writeFileAtomically(png, await figurePng(text));
  }
}
