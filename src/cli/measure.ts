/** One model judged on its images: what `gfnet evaluate` computes before anything is written. */
import { nameIn } from '../data/dataset.js';
import {
  evaluateOutputs,
  exitSteps,
  fitLatency,
  pickExamples,
  readEvidence,
  withTiming,
} from '../evaluation/index.js';
import type { Evidence, ModelSummary, PolicyName, Results, StaticOutputs } from '../evaluation/index.js';
import { outputsOf } from '../model/outputs.js';
import type { LoadedGFNet } from '../predict/load.js';
import { loadStatic } from '../predict/load.js';
import { answersCsv, type Gallery } from '../report/index.js';
import { collectGallery } from './gallery.js';
import { lookAt, otherPolicies } from './policy-outputs.js';
import { measureRobustness } from './robustness.js';
import type { Subject } from './subject.js';
import { measureLatency, measureTime } from './timing.js';

/** Of each corruption and severity: 46 sets of images take a while. */
export const robustnessImages = 2000;

export interface Asked {
  readonly policies: readonly PolicyName[];
  readonly risk: number;
  readonly confidence: number;
  readonly robustness?: number | true;
  readonly static?: string[];
}

export const commandLine = (): string => ['gfnet', ...process.argv.slice(2)].join(' ');

/** Everything that `gfnet evaluate` finds of one model. */
export interface Measured {
  readonly results: Results;
  readonly gallery: Gallery;
  /** What was answered of each test image, as CSV. */
  readonly answers: string;
  readonly evidence: Evidence;
}

export async function measure(loaded: LoadedGFNet, subject: Subject, asked: Asked): Promise<Measured> {
  const { validation, test } = subject;
  const calibration = await lookAt(loaded, 'learned', validation);
  const learned = await lookAt(loaded, 'learned', test);
  const others = await otherPolicies(loaded, asked.policies, test, learned);
  const untimed = evaluateOutputs({
    command: commandLine(),
    seed: subject.seed,
    model: summarise(loaded),
    classes: loaded.gfnet.config.classes,
    validation: { name: validation.name, outputs: calibration },
    test: { name: test.name, learned, others },
    statics: await staticOutputs(asked.static ?? subject.statics, subject),
    promised: { maxDrop: asked.risk, confidence: asked.confidence },
  });
  const { thresholds } = untimed.fullAccuracy;
  const timed = {
    ...withTiming(untimed, await measureTime(loaded, test, thresholds)),
    latency: await measureLatency(loaded, test, times => fitLatency(calibration, learned, times)),
  };
  const { background } = subject;
  const known =
    background?.test.name === test.name && timed.statics.length === 0
      ? { ...timed, seed: background.seed, statics: background.statics }
      : timed;
  const { robustness } = asked;
  const results =
    robustness === undefined
      ? known
      : await measureRobustness(loaded, test, known, robustness === true ? robustnessImages : robustness);
  const evidence = readEvidence(learned);
  const examples = pickExamples(evidence, thresholds, 8);
  const exit = exitSteps(evidence, thresholds);
  const { actions, indices } = learned;
  const { classes, side, patch } = loaded.gfnet.config;
  return {
    results,
    evidence,
    gallery: await collectGallery(loaded, test, learned, exit, examples),
    answers: answersCsv({
      evidence,
      exit,
      classes,
      nameOf: image => nameIn(test, indices[image] ?? 0),
      actions,
      side,
      patch,
    }),
  };
}

function staticOutputs(runs: readonly string[], { test }: Subject): Promise<StaticOutputs[]> {
  return Promise.all(
    runs.map(async folder => {
      const { model, input } = loadStatic(folder);
      return { name: `static ${input} px`, input, outputs: await outputsOf(model, test) };
    }),
  );
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
