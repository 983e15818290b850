/** `gfnet evaluate`: accuracy against cost, beside what it must beat; results.json and report.html in the run's folder. */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { writeFileAtomically } from '../checkpoint/atomic.js';
import { writingTo } from '../checkpoint/file-errors.js';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { startEngine } from '../engine/start.js';
import { evaluateOutputs, pickExamples, policyNames, readEvidence, withTiming } from '../evaluation/index.js';
import type { ModelSummary, PolicyName, Results, StaticOutputs } from '../evaluation/index.js';
import { outputsOf } from '../model/outputs.js';
import type { LoadedGFNet } from '../predict/load.js';
import { loadGFNet, loadStatic } from '../predict/load.js';
import type { Gallery } from '../report/index.js';
import { picturePng, renderReport, resultFiles, renderTerminal } from '../report/index.js';
import { collectGallery } from './gallery.js';
import { share, threadsOption, wholeNumber, workersOption } from './options.js';
import { lookAt, oracleGrid, otherPolicies, parsePolicies } from './policy-outputs.js';
import { measureRobustness } from './robustness.js';
import { openSubject, requireSameTask, type Subject, type SubjectOptions } from './subject.js';
import { measureTime } from './timing.js';

/** Of each corruption and severity: 46 sets of images take a while. */
const robustnessImages = 2000;

interface Options extends SubjectOptions {
  readonly policies: readonly PolicyName[];
  readonly risk: number;
  readonly confidence: number;
  readonly robustness?: number | true;
  readonly static?: string[];
  readonly threads?: number;
  readonly json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description(
      'measure a model on its test set: accuracy and cost of each step, early exit, guarantees, baselines; writes a report',
    )
    .argument('<run>', 'a run folder, one made by gfnet train all, or a packaged or imported model')
    .option('--data <path>', 'judge it on a folder of images, or a manifest (default: the images of its run)')
    .option('--preset <name>', 'judge it on the images of this preset')
    .option('--config <file>', 'judge it on the images of this JSON file (its key data)')
    .option('--out <folder>', 'where results go (default: the folder of the run or model)')
    .addOption(
      new Option(
        '--policies <names>',
        `ways to choose places that are to stand beside the learned one, with commas between: ${policyNames.join(', ')}, or all; the oracle tries ${oracleGrid} x ${oracleGrid} places and sees the label: an upper bound, and slow`,
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
    .addOption(workersOption())
    .option('--json', 'print results.json instead of tables')
    .addHelpText(
      'after',
      `
Examples:
  gfnet evaluate runs/demo
  gfnet evaluate runs/demo --policies all
  gfnet evaluate runs/demo --risk 0.005 --confidence 0.99
  gfnet evaluate checkpoints/cluttered-60 --preset cluttered-60 --out runs/judged`,
    )
    .action(async (path: string, options: Options) => {
      const subject = openSubject(path, options, tell);
      await ensureEngine(lineReporter());
      startEngine({ threads: options.threads });
      const loaded = loadGFNet(subject.path);
      requireSameTask(loaded, subject);
      writingTo(subject.folder, () => mkdirSync(subject.folder, { recursive: true }));
      const { results, gallery } = await measure(loaded, subject, options);
      await writeResults(subject.folder, results, gallery);
      process.stdout.write(options.json ? `${JSON.stringify(results)}\n` : `${renderTerminal(results)}\n`);
      process.stderr.write(`report: ${join(subject.folder, 'report.html')}\n`);
      await subject.close();
    });
}

function tell(notice: string): void {
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${notice}\n`);
}

async function measure(
  loaded: LoadedGFNet,
  subject: Subject,
  options: Options,
): Promise<{ results: Results; gallery: Gallery }> {
  const { validation, test } = subject;
  const calibration = await lookAt(loaded, 'learned', validation);
  const learned = await lookAt(loaded, 'learned', test);
  const others = await otherPolicies(loaded, options.policies, test, learned);
  const untimed = evaluateOutputs({
    command: ['gfnet', ...process.argv.slice(2)].join(' '),
    seed: subject.seed,
    model: summarise(loaded),
    classes: loaded.gfnet.config.classes,
    validation: { name: validation.name, outputs: calibration },
    test: { name: test.name, learned, others },
    statics: await staticOutputs(options.static ?? subject.statics, subject),
    promised: { maxDrop: options.risk, confidence: options.confidence },
  });
  const { thresholds } = untimed.fullAccuracy;
  const timed = withTiming(untimed, await measureTime(loaded, test, thresholds));
  const { background } = subject;
  const known =
    background?.test.name === test.name && timed.statics.length === 0
      ? { ...timed, seed: background.seed, statics: background.statics }
      : timed;
  const { robustness } = options;
  const results =
    robustness === undefined
      ? known
      : await measureRobustness(loaded, test, known, robustness === true ? robustnessImages : robustness);
  const examples = pickExamples(readEvidence(learned), thresholds, 8);
  return { results, gallery: await collectGallery(loaded, test, learned, thresholds, examples) };
}

function staticOutputs(runs: readonly string[], { test }: Subject): Promise<StaticOutputs[]> {
  return Promise.all(
    runs.map(async folder => {
      const { model, input } = loadStatic(folder);
      return { name: `static ${input} px`, input, outputs: await outputsOf(model, test) };
    }),
  );
}

async function writeResults(folder: string, results: Results, gallery: Gallery): Promise<void> {
  const { right, longest, worst, wrong } = gallery;
  // Those that took long to be answered rightly show best what looking again is for.
  const solved = longest.filter(({ predicted, truth }) => predicted === truth);
  const shown = [...right.slice(0, 1), ...solved.slice(0, 3), ...[...wrong, ...worst].slice(0, 1)];
  writeFileAtomically(join(folder, 'picture.png'), await picturePng(shown));
  const [example] = [...solved, ...right, ...worst];
  if (example) writeFileAtomically(join(folder, 'example.png'), example.image);
  for (const { path, text } of resultFiles(results)) {
    const file = join(folder, path);
    if (text === null) rmSync(file, { force: true });
    else {
      writingTo(file, () => mkdirSync(dirname(file), { recursive: true }));
      writeFileAtomically(file, text);
    }
  }
  writeFileAtomically(join(folder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileAtomically(join(folder, 'report.html'), renderReport(results, gallery));
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
