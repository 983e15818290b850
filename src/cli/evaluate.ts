/** `gfnet evaluate`: accuracy against cost, beside what it must beat; results.json and report.html in the run's folder. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { DataConfig } from '../data/config.js';
import type { Dataset } from '../data/dataset.js';
import { batches, inOrder } from '../data/loader.js';
import { openData } from '../data/open.js';
import { writeFileAtomically } from '../checkpoint/atomic.js';
import { openRun } from '../checkpoint/run-folder.js';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { startEngine } from '../engine/start.js';
import { evaluateOutputs, pickExamples, readEvidence, withTiming } from '../evaluation/index.js';
import type { ModelSummary, Results } from '../evaluation/index.js';
import { anytimeGFNet } from '../model/locators.js';
import type { Locator } from '../model/locators.js';
import type { SetOutputs } from '../model/outputs.js';
import { evaluationBatch, outputsOf } from '../model/outputs.js';
import { Runner } from '../model/runner.js';
import type { LoadedGFNet } from '../predict/load.js';
import { furthestStage, loadGFNet, loadStatic } from '../predict/load.js';
import { picturePng, renderReport, renderTerminal } from '../report/index.js';
import { collectGallery } from './gallery.js';
import { threadsOption, workersOption } from './options.js';

interface Options {
  readonly static?: string[];
  readonly threads?: number;
  readonly workers?: number;
  readonly json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description(
      'measure a run on its test set: accuracy and cost of each step, early exit, baselines; writes a report',
    )
    .argument('<run>', 'a run folder, or one made by gfnet train all')
    .option(
      '--static <run...>',
      'runs of static networks to stand beside it (default: those beside it whose names begin with static)',
    )
    .addOption(threadsOption())
    .addOption(workersOption())
    .option('--json', 'print results.json instead of tables')
    .addHelpText('after', '\nExample:\n  gfnet evaluate runs/demo')
    .action(async (path: string, options: Options) => {
      const run = openRun(furthestStage(path));
      const { validation, test, notes, close } = openData(DataConfig.parse(run.config.data), {
        workers: options.workers,
        onBroken: ({ explanation: { problem, given = '' } }) => tell(`left out: ${given}: ${problem}`),
      });
      notes?.forEach(tell);
      await ensureEngine(lineReporter());
      startEngine({ threads: options.threads });
      const loaded = loadGFNet(run.path);
      const outputs = await allOutputs(loaded, validation, test);
      const statics = options.static ?? staticsIn(run.path === path ? dirname(path) : path);
      const results = evaluateOutputs({
        command: ['gfnet', ...process.argv.slice(2)].join(' '),
        seed: run.seed,
        model: summarise(loaded),
        classes: loaded.gfnet.config.classes,
        validation: { name: validation.name, outputs: outputs.validation },
        test: { name: test.name, learned: outputs.learned, random: outputs.random, centre: outputs.centre },
        statics: await Promise.all(
          statics.map(async folder => {
            const { model, input } = loadStatic(folder);
            return { name: `static ${input} px`, input, outputs: await outputsOf(model, test) };
          }),
        ),
      });
      const timed = withTiming(results, await timing(loaded, test, results));
      const examples = pickExamples(readEvidence(outputs.learned), timed.fullAccuracy.thresholds, 8);
      const gallery = await collectGallery(
        loaded,
        test,
        outputs.learned,
        timed.fullAccuracy.thresholds,
        examples,
      );
      const { right, longest, wrong } = gallery;
      // Those that took long to be answered rightly show best what looking again is for.
      const solved = longest.filter(({ predicted, truth }) => predicted === truth);
      const shown = [...right.slice(0, 1), ...solved.slice(0, 3), ...wrong.slice(0, 1)];
      writeFileAtomically(join(run.path, 'picture.png'), await picturePng(shown));
      const [example] = [...solved, ...right, ...wrong];
      if (example) writeFileAtomically(join(run.path, 'example.png'), example.image);
      writeFileAtomically(join(run.path, 'results.json'), `${JSON.stringify(timed, null, 2)}\n`);
      writeFileAtomically(join(run.path, 'report.html'), renderReport(timed, gallery));
      process.stdout.write(options.json ? `${JSON.stringify(timed)}\n` : `${renderTerminal(timed)}\n`);
      process.stderr.write(`report: ${join(run.path, 'report.html')}\n`);
      await close?.();
    });
}

function tell(notice: string): void {
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${notice}\n`);
}

function staticsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => name.startsWith('static'))
    .map(name => join(folder, name))
    .filter(run => existsSync(join(run, 'config.json')));
}

async function allOutputs(
  { gfnet, costs, variables }: LoadedGFNet,
  validation: Dataset,
  test: Dataset,
): Promise<Record<'validation' | Locator, SetOutputs>> {
  const look = async (locator: Locator, dataset: Dataset): Promise<SetOutputs> => {
    const model = anytimeGFNet(gfnet, costs, () => variables, locator);
    const runner = new Runner(model);
    const outputs = await outputsOf(model, dataset, {
      runner,
      onImages: (done, total) => {
        if (process.stderr.isTTY)
          process.stderr.write(`\r${locator}, ${dataset.name}: ${done}/${total}\x1b[K`);
      },
    });
    runner.dispose();
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    return outputs;
  };
  return {
    validation: await look('learned', validation),
    learned: await look('learned', test),
    random: await look('random', test),
    centre: await look('centre', test),
  };
}

function summarise({ gfnet, variables, checkpoint }: LoadedGFNet): ModelSummary {
  const { encoder, classifier, policy, side, patch, steps } = gfnet.config;
  const { name, ...options } = encoder;
  const chosen = Object.entries(options).map(([option, value]) => `${option} ${[value].flat().join('-')}`);
  return {
    name: `gfnet-${name}-${patch}-t${steps}, ${checkpoint.manifest.stage}`,
    sha256: checkpoint.manifest.tensors.sha256,
    architecture: `encoder ${name}${chosen.length > 0 ? ` (${chosen.join(', ')})` : ''}, classifier ${classifier.kind}, policy ${policy.encoder} ${policy.hidden}`,
    image: side,
    patch,
    steps,
    parameters: Object.values(variables.parameters).reduce((sum, { size }) => sum + size, 0),
  };
}

/** Images a second with all steps and with early exit, in alternation on the same batches; the faster of three passes each. */
async function timing(
  { gfnet, costs, variables }: LoadedGFNet,
  test: Dataset,
  { fullAccuracy }: Results,
): Promise<{ conditions: string; allStepsImagesPerSecond: number; earlyExitImagesPerSecond: number }> {
  const batchSize = Math.min(evaluationBatch(test.shape), test.size);
  const order = inOrder(test).subarray(0, 4 * batchSize);
  const inputs: Float32Array[] = [];
  let count = 0;
  for await (const { images, size } of batches(test, { order, batchSize, epoch: 0, dropLast: true })) {
    if (size > 0) inputs.push(images);
    count += size;
  }
  const runner = new Runner(anytimeGFNet(gfnet, costs, () => variables, 'learned'));
  const pass = (thresholds: readonly number[]): number => {
    const started = performance.now();
    for (const images of inputs) Array.from(runner.run(images, thresholds));
    return (1000 * count) / (performance.now() - started);
  };
  const [all, early]: [number[], number[]] = [[], []];
  pass([]);
  for (let round = 0; round < 3; round++) {
    all.push(pass([]));
    early.push(pass(fullAccuracy.thresholds));
  }
  runner.dispose();
  return {
    conditions: `batches of ${batchSize}`,
    allStepsImagesPerSecond: Math.max(...all),
    earlyExitImagesPerSecond: Math.max(...early),
  };
}
