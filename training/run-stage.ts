/** One stage from configuration to run folder: makes or resumes the run, takes over from the stage before, trains. */
import { existsSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { join } from 'node:path';
import { describeEnvironment } from '../src/checkpoint/program.js';
import type { Checkpoint } from '../src/checkpoint/checkpoint.js';
import { hasCheckpoint, hasLatest, loadLatest } from '../src/checkpoint/checkpoint.js';
import { parseArchitecture, requireArchitecture, requireConfig } from '../src/checkpoint/architecture.js';
import { systemErrorCode } from '../src/checkpoint/file-errors.js';
import type { JsonObject } from '../src/checkpoint/json.js';
import { readMetrics } from '../src/checkpoint/metrics.js';
import type { RunWriter } from '../src/checkpoint/run-folder.js';
import { createRun, isRun, openRun, resumeRun } from '../src/checkpoint/run-folder.js';
import { toEngine } from '../src/checkpoint/tensors.js';
import { explained, gather, meet, workers } from '../src/engine/collectives.js';
import { disposeTree } from '../src/engine/tensor-tree.js';
import type { StepOptions } from '../src/engine/compile.js';
import type { Tensors } from '../src/engine/gradients.js';
import type { Splits } from '../src/data/dataset.js';
import { limited } from '../src/data/limited.js';
import { requireReadable } from '../src/data/loader.js';
import { passedOver } from '../src/data/images/open.js';
import { openData } from '../src/data/open.js';
import { fitting } from '../src/errors/fitting.js';
import {
  CheckpointError,
  ConfigError,
  DivergedError,
  InterruptedError,
  RunError,
  TimeUpError,
  UsageError,
} from '../src/errors/index.js';
import { ModelConfig, StaticConfig } from '../src/model/config.js';
import { GFNet } from '../src/model/gfnet.js';
import { StaticNetwork } from '../src/model/static.js';
import type { Variables } from '../src/nn/scope.js';
import { stream } from '../src/random/index.js';
import { classifierTrainer } from './classifier-trainer.js';
import { TrainConfig } from './config.js';
import { group } from './groups.js';
import type { LoopOptions } from './loop.js';
import { trainLoop } from './loop.js';
import { policyTrainer } from './policy-trainer.js';
import { requireSame } from './shares.js';
import { staticTrainer } from './static-trainer.js';
import { classWeightsOf } from './targets.js';
import type { StageName, Trainer } from './trainer.js';

/** The stages whose runs a stage may start from, the one before it first; `undefined` there: it may begin anew. */
export const origins: Readonly<Record<StageName, readonly [StageName | undefined, ...StageName[]]>> = {
  stage1: [undefined, 'static'],
  stage2: ['stage1', 'stage3'],
  stage3: ['stage2', 'stage3'],
  static: [undefined, 'static'],
};

export interface StageOptions extends Pick<
  LoopOptions,
  'signal' | 'onProgress' | 'onEpoch' | 'onSave' | 'onNotice' | 'goOn'
> {
  readonly stage: StageName;
  readonly config: TrainConfig;
  readonly seed: number;
  readonly out: string;
  /** The run of the stage before, or of a static network. */
  readonly from?: string | undefined;
  readonly resume: boolean;
  readonly command: readonly string[];
  /** Threads that decode image files. */
  readonly decoders?: number | undefined;
  /** Only the first so many of each set, for a trial. */
  readonly images?: number;
}

/** @throws ConfigError when the network cannot work on these images */
export function modelConfig({ network }: TrainConfig, { train }: Splits): ModelConfig {
  const { height, width, channels } = train.shape;
  const model = { ...network, side: height, channels, classes: [...train.classes] };
  return fitting(ModelConfig, model, {
    problem: `the network does not fit the images of ${train.name}`,
    given: `${height} x ${width} x ${channels} images of ${train.classes.length} classes`,
    mend: 'change network, or data',
  });
}

/**
 * Where several workers train, all call it alike; the first alone writes into `out`.
 * @throws ConfigError, RunError, CheckpointError, InterruptedError, TimeUpError, DivergedError, WorkerLostError
 */
export async function runStage(options: StageOptions): Promise<void> {
  try {
    await trainStage(options);
    leave();
  } catch (error) {
    // These all workers meet at the same step.
    if ([InterruptedError, TimeUpError, DivergedError].some(kind => error instanceof kind)) leave();
    throw explained(error);
  }
}

/** A process that ends must not take from the others what it has yet to hand over. */
function leave(): void {
  try {
    meet();
  } catch {
    // What this worker had to do is done; those that are not there have told why.
  }
}

async function trainStage(options: StageOptions): Promise<void> {
  const { stage, config, seed } = options;
  const begun = { ...options, resume: resumes(options) };
  let log: RunWriter['log'] | undefined;
  const notice = (text: string): void => {
    log?.(text);
    options.onNotice?.(text);
  };
  const opened = openData(config.data, {
    decoders: options.decoders,
    onBroken: ({ explanation: { problem, given = '' } }) => notice(`${passedOver}${given}: ${problem}`),
  });
  const splits = options.images === undefined ? opened : limited(opened, options.images);
  requireBatch(stage, config, splits);
  const model = modelConfig(config, splits);
  const trainer = createTrainer(begun, model, splits, {
    precision: config.precision,
    ...memoryLimit(config, notice),
  });
  try {
    // Found out now, and not after an epoch.
    for (const judged of [splits.validation, splits.test]) await requireReadable(judged);
    const resolved = { stage, ...config };
    const { train, validation } = splits;
    const data = splits.fingerprint?.();
    requireSame({ resolved, seed, data, sizes: [train.size, validation.size] });
    const run = workers().task === 0 ? openWriter(options, resolved, data) : undefined;
    try {
      log = run?.log;
      splits.notes?.forEach(notice);
      const architecture = stage === 'static' ? staticConfig(config, model) : model;
      await trainLoop({
        ...begun,
        trainer,
        run,
        splits,
        batchSize: config.batchSize,
        patience: config[stage].patience,
        onNotice: notice,
        describe: {
          architecture: architecture,
          classes: model.classes,
          preprocessing: {
            side: model.side,
            channels: model.channels,
            mean: model.mean,
            std: model.std,
            ...splits.preparation,
          },
        },
      });
    } catch (error) {
      throw run ? toGoOn(error, options.goOn) : error;
    } finally {
      run?.close();
    }
  } finally {
    trainer.dispose();
    await splits.close?.();
  }
}

/** Where a file of a run cannot be written: the run is there, so that the command that began it would be refused. */
function toGoOn(error: unknown, goOn = '--resume'): unknown {
  if (!(error instanceof RunError) || systemErrorCode(error.cause) === undefined) return error;
  const { mend = '', ...explanation } = error.explanation;
  return new RunError({ ...explanation, mend: `${mend}; then go on with: ${goOn}` });
}

/**
 * Whether to go on from a checkpoint, as the first worker finds one: a run that was killed before its first begins anew.
 * @throws RunError where it had one
 */
function resumes({ out, resume }: StageOptions): boolean {
  const found = gather([Number(resume && hasCheckpoint(out, 'last'))]).flat();
  const without = found.findIndex(has => has < (found[0] ?? 0));
  if (without < 0) {
    if (resume && found[0] === 0 && isRun(out)) requireNothingLearnt(out);
    return found[0] === 1;
  }
  meet();
  throw new RunError({
    problem: 'a worker does not find the checkpoint that the first one goes on from',
    given: `task ${without}, --out ${out}`,
    mend: 'all workers are given --resume and the same --out, on storage that all of them see',
  });
}

/** @throws RunError where a run without its last checkpoint has something that beginning anew would overwrite */
function requireNothingLearnt(out: string): void {
  const { metrics, checkpoints } = openRun(out);
  const epochs = existsSync(metrics) ? readMetrics(metrics).length : 0;
  const [last, best] = [join(checkpoints, 'last.json'), join(checkpoints, 'best.json')];
  const hasBest = hasCheckpoint(out, 'best');
  if (epochs === 0 && !hasBest) return;
  const fromBest = hasBest ? `or go on from the best epoch: cp ${best} ${last}; ` : '';
  throw new RunError({
    problem:
      'the checkpoint to go on from is gone, and to begin anew would overwrite what the run has learnt',
    given: `no ${last}, but ${hasBest ? best : `${epochs} epochs in ${metrics}`}`,
    mend: `restore it from a copy; ${fromBest}or start another run with another --out`,
  });
}

/** @throws RunError where the run is another one's, or was started otherwise */
function openWriter(
  { out, resume, seed, command }: StageOptions,
  config: JsonObject,
  data: string | undefined,
): RunWriter {
  const run = resume
    ? resumeRun(out)
    : createRun(out, { config, seed, command, data, environment: describeEnvironment() });
  try {
    requireConfig({ ...run, config: completed(run.config) }, config);
    if (run.data !== undefined && run.data !== data) {
      throw new RunError({
        problem: 'the images, their labels or the sets they are in are not those that the run began with',
        given: out,
        mend: 'bring the files back as they were, or train anew: images that were held out before might now be trained on',
      });
    }
    if (seed === run.seed) return run;
    throw new RunError({
      problem: 'the run was started with another seed',
      given: String(seed),
      allowed: String(run.seed),
      mend: `resume with --seed ${run.seed}`,
    });
  } catch (error) {
    run.close();
    throw error;
  }
}

/** What an earlier version wrote, with the defaults of what can be configured since. */
function completed({ stage = null, ...config }: JsonObject): JsonObject {
  const parsed = TrainConfig.safeParse(config);
  return parsed.success ? { stage, ...parsed.data } : { stage, ...config };
}

function requireBatch(stage: StageName, config: TrainConfig, { train }: Splits): void {
  const { batchSize } = config;
  const { count } = workers();
  const { accumulate = 1 } = { ...config[stage] } as { accumulate?: number };
  if (batchSize % count !== 0 || batchSize / count < accumulate) {
    throw new ConfigError({
      problem: 'a batch cannot be shared out evenly',
      given: `batchSize ${batchSize} among ${count} workers${accumulate > 1 ? `, ${stage}.accumulate ${accumulate}` : ''}`,
      allowed:
        'a multiple of the number of workers, with an image at least for each part that is accumulated',
      mend: `e.g. --set batchSize=${Math.max(1, Math.ceil(batchSize / count), accumulate) * count}`,
    });
  }
  if (train.size >= batchSize) return;
  throw new ConfigError({
    problem: 'there are fewer images to train on than a batch has',
    given: `${train.size} in ${train.name}, batchSize ${batchSize}`,
    mend: `give more images, or smaller batches: --set batchSize=${Math.max(2, Math.floor(train.size / 4))}`,
  });
}

function staticConfig({ static: { input } }: TrainConfig, model: ModelConfig): StaticConfig {
  return fitting(
    StaticConfig,
    { ...model, input },
    {
      problem: 'the static network does not fit its images',
      given: `static.input ${input}`,
      mend: 'change static.input, or network.encoder',
    },
  );
}

/** Of what the system says is there, the part that a step may plan with: the engine needs some beside intermediate results. */
const planned = 0.7;

/** None where the forward pass has sums over all workers, which each has to take as often as the others. */
function memoryLimit(
  { batchNorm }: TrainConfig,
  notice: (text: string) => void,
): Pick<StepOptions, 'memory'> {
  if (batchNorm === 'joint' && workers().count > 1) return {};
  const free = (): number => (planned * process.availableMemory()) / workers().here;
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  const onRecompute = (all: number, less: number): void =>
    notice(
      `a training step would take ${gigabytes(all)} for intermediate results, with ${gigabytes(free())} to plan with: it computes some again, and takes ${gigabytes(less)}; results are the same, in more time`,
    );
  return { memory: { free, onRecompute } };
}

/** The trainer of a stage. */
export function createTrainer(
  options: StageOptions,
  model: ModelConfig,
  { train }: Splits,
  compiling: StepOptions = { precision: options.config.precision },
): Trainer {
  const { stage, config, seed } = options;
  if (stage === 'static') {
    const network = new StaticNetwork(staticConfig(config, model));
    const { variables, multiAdds } = network.initialise(stream(seed, 'initialise'));
    return staticTrainer(
      network,
      { variables: startFrom(options, model, variables), multiAdds, seed, compiling },
      config.static,
      { classWeights: classWeightsOf(config.static.classWeights, train), batchNorm: config.batchNorm },
    );
  }
  requireChoice(stage, config);
  const gfnet = new GFNet(model);
  const { variables, costs } = gfnet.initialise(stream(seed, 'initialise'));
  const parts = { gfnet, costs, variables: startFrom(options, model, variables), seed, compiling };
  return stage === 'stage2'
    ? policyTrainer(parts, config.stage2)
    : classifierTrainer(stage, parts, config[stage], {
        classWeights: classWeightsOf(config[stage].classWeights, train),
        batchNorm: config.batchNorm,
      });
}

/** @throws ConfigError where a stage has nothing to learn */
export function requireChoice(stage: StageName, { network: { steps } }: TrainConfig): void {
  if (stage !== 'stage2' || steps >= 2) return;
  throw new ConfigError({
    problem: 'there is no place to choose, so nothing for stage2 to learn',
    given: `network.steps ${steps}`,
    allowed: '2 or more',
    mend: 'stage1 alone trains a network of one step',
  });
}

/** The variables that the run it starts from left; stage 1 and static networks may begin with the initial ones. */
function startFrom({ stage, from, resume }: StageOptions, model: ModelConfig, initial: Variables): Variables {
  const [needed] = origins[stage];
  // A resumed run takes everything from its own checkpoint.
  if (resume || (from === undefined && needed === undefined)) return initial;
  if (from === undefined) {
    throw new UsageError({
      problem: `${stage} starts from a run of ${needed}`,
      given: 'no --from',
      mend: `train ${needed} first, then give its folder with --from`,
    });
  }
  const checkpoint = loadLatest(runIn(from, origins[stage]));
  if (!origins[stage].some(origin => origin === checkpoint.manifest.stage)) {
    const allowed = origins[stage].filter(origin => origin !== undefined).join(' or ');
    throw new UsageError({
      problem: `${stage} starts from a run of ${allowed}${needed ? '' : ', or from none'}`,
      given: `${from}, a run of ${checkpoint.manifest.stage}`,
      mend: 'give the folder of such a run with --from',
    });
  }
  if (checkpoint.manifest.stage === 'static') return startFromStatic(checkpoint, model, initial);
  requireArchitecture(checkpoint, parseArchitecture(ModelConfig, checkpoint), model);
  disposeTree(initial);
  return variablesOf(toEngine(checkpoint.tensors));
}

/** A folder that `gfnet train all` made stands for the stage in it that is started from. */
function runIn(from: string, stages: readonly (StageName | undefined)[]): string {
  const within = stages.flatMap(stage => (stage ? [join(from, stage)] : []));
  return [from, ...within].find(hasLatest) ?? from;
}

/** @throws CheckpointError where an encoder learnt on images normalised otherwise, and so would see other images now */
function requireNormalisation(checkpoint: Checkpoint, { mean, std, channels }: ModelConfig): void {
  const theirs = parseArchitecture(StaticConfig, checkpoint);
  const same = (a: readonly number[], b: readonly number[]): boolean =>
    Array.from(
      { length: Math.max(channels, a.length, b.length) },
      (_, i) => (a[i] ?? a[0]) === (b[i] ?? b[0]),
    ).every(Boolean);
  if (same(mean, theirs.mean) && same(std, theirs.std)) return;
  throw new CheckpointError({
    problem: `the weights of ${checkpoint.path} are for images that are normalised otherwise`,
    given: `network.mean ${JSON.stringify(mean)}, network.std ${JSON.stringify(std)}`,
    allowed: `network.mean ${JSON.stringify(theirs.mean)}, network.std ${JSON.stringify(theirs.std)}`,
    mend: `--set 'network.mean=${JSON.stringify(theirs.mean)}' 'network.std=${JSON.stringify(theirs.std)}'`,
  });
}

/** Every encoder begins as the static network's; so does its head, where the classes are as many. */
function startFromStatic(checkpoint: Checkpoint, model: ModelConfig, initial: Variables): Variables {
  requireArchitecture(checkpoint, parseArchitecture(StaticConfig, checkpoint).encoder, model.encoder);
  requireNormalisation(checkpoint, model);
  const theirs = variablesOf(toEngine(checkpoint.tensors));
  const start = (own: Tensors, given: Tensors): Tensors =>
    Object.fromEntries(
      Object.entries(own).map(([name, tensor]) => {
        const found = given[name.replace(/^(global|local)\./, '')];
        const begins = found?.shape.join() === tensor.shape.join() && !/^(classifier|policy)\./.test(name);
        return [name, tf.keep(tf.clone(begins ? found : tensor))];
      }),
    );
  const variables = {
    parameters: start(initial.parameters, theirs.parameters),
    statistics: start(initial.statistics, theirs.statistics),
  };
  disposeTree([initial, theirs]);
  return variables;
}

/** The model's own tensors of a checkpoint; the optimizer's are freed. */
export function variablesOf(tensors: Tensors): Variables {
  const variables = { parameters: group(tensors, 'parameters'), statistics: group(tensors, 'statistics') };
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!name.startsWith('parameters/') && !name.startsWith('statistics/')) tensor.dispose();
  }
  return variables;
}
