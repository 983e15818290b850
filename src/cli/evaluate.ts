/** `gfnet evaluate`: accuracy against cost, beside what it must beat; results.json and report.html in the run's folder. */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { startEngine } from '../engine/start.js';
import { disposeTree } from '../engine/tensor-tree.js';
import { compareRuns, policyNames } from '../evaluation/index.js';
import type { Judged } from '../evaluation/index.js';
import { loadGFNet } from '../predict/load.js';
import { evaluationsText, renderTerminal } from '../report/index.js';
import { namesOf, requireSameData } from './comparable.js';
import { commandLine, measure, robustnessImages, type Asked } from './measure.js';
import { share, threadsOption, wholeNumber, decodersOption } from './options.js';
import { oracleGrid, parsePolicies } from './policy-outputs.js';
import { openSubject, requireSameTask, type SubjectOptions } from './subject.js';
import { makeResultFolder, writeComparison, writeResults } from './write-results.js';

/** Where a comparison goes. */
const comparisonFolder = 'comparison';

interface Options extends SubjectOptions, Asked {
  readonly threads?: number;
  readonly json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description(
      'measure a model on its test set: accuracy and cost of each step, early exit, guarantees, baselines; writes a report',
    )
    .argument(
      '<runs...>',
      'a run folder, one made by gfnet train all, or a packaged or imported model; several are also compared',
    )
    .option('--data <path>', 'judge it on a folder of images, or a manifest (default: the images of its run)')
    .option('--preset <name>', 'judge it on the images of this preset')
    .option('--config <file>', 'judge it on the images of this JSON file (its key data)')
    .option(
      '--out <folder>',
      `where results go (default: the folder of the run or model; of several: ${comparisonFolder})`,
    )
    .addOption(
      new Option(
        '--policies <names>',
        `ways to choose places that are to stand beside the learned one, with commas between: ${policyNames.join(', ')}, or all; the oracle tries ${oracleGrid} x ${oracleGrid} places and sees the label: an upper bound`,
      )
        .argParser(parsePolicies)
        .default(parsePolicies('random,centre'), 'random,centre'),
    )
    .option(
      '--risk <drop>',
      'accuracy, e.g. 0.01, whose loss against all steps is to be ruled out; the promise is tried on random halves',
      share,
      0.01,
    )
    .option('--confidence <p>', 'how surely promises are to hold', share, 0.95)
    .option(
      '--robustness [images]',
      `also on images with noise, blur, and other corruptions at five severities: the first so many test images (default: ${robustnessImages})`,
      wholeNumber(2),
    )
    .option(
      '--static <run...>',
      'runs of static networks to stand beside it (default: those beside it whose names begin with static)',
    )
    .addOption(threadsOption())
    .addOption(decodersOption())
    .option('--json', 'print results.json instead of tables')
    .addHelpText(
      'after',
      `
Examples:
  gfnet evaluate runs/demo
  gfnet evaluate runs/demo --policies all
  gfnet evaluate runs/demo --risk 0.005 --confidence 0.99
  gfnet evaluate checkpoints/cluttered-60 --preset cluttered-60 --out runs/judged
  gfnet evaluate runs/a runs/b runs/c --out runs/compared`,
    )
    .action(async (paths: string[], options: Options) => {
      const [path = ''] = paths;
      if (paths.length > 1) await evaluateSeveral(paths, options);
      else await evaluateOne(path, options);
    });
}

async function evaluateOne(path: string, options: Options): Promise<void> {
  const subject = openSubject(path, options, tell);
  await start(options);
  const loaded = loadGFNet(subject.path);
  requireSameTask(loaded, subject);
  makeResultFolder(subject.folder);
  const measured = await measure(loaded, subject, options);
  print(options, measured.results, renderTerminal(measured.results));
  await writeResults(subject.folder, measured);
  process.stderr.write(`report: ${join(subject.folder, 'report.html')}\n`);
  await subject.close();
}

/** Each in a folder of its own within that of the comparison, as if it had been evaluated alone. */
async function evaluateSeveral(paths: readonly string[], options: Options): Promise<void> {
  const { out = comparisonFolder } = options;
  const names = namesOf(paths);
  const subjects = paths.map((path, i) =>
    openSubject(path, { ...options, out: join(out, names[i] ?? '') }, tell),
  );
  requireSameData(subjects, names);
  await start(options);
  // What does not fit together is told before the first is measured.
  for (const subject of subjects) {
    const loaded = loadGFNet(subject.path);
    disposeTree(loaded.variables);
    requireSameTask(loaded, subject);
  }
  for (const folder of [out, ...subjects.map(({ folder }) => folder)]) makeResultFolder(folder);
  const judged: Judged[] = [];
  for (const [i, subject] of subjects.entries()) {
    const name = names[i] ?? '';
    tell(`${i + 1} of ${subjects.length}: ${name}`);
    const loaded = loadGFNet(subject.path);
    const measured = await measure(loaded, subject, options);
    await writeResults(subject.folder, measured);
    const { results, evidence } = measured;
    judged.push({ name, results, evidence });
    disposeTree(loaded.variables);
    await subject.close();
  }
  const comparison = compareRuns(commandLine(), judged);
  print(options, comparison, evaluationsText(comparison));
  await writeComparison(out, comparison);
  process.stderr.write(`report: ${join(out, 'report.html')}\n`);
}

async function start({ threads }: Options): Promise<void> {
  await ensureEngine(lineReporter());
  startEngine({ threads });
}

function print({ json }: Options, found: object, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(found)}\n` : `${text}\n`);
}

function tell(notice: string): void {
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${notice}\n`);
}
