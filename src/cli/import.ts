/** `gfnet import`: weights made with PyTorch become a model here. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { Command } from 'commander';
import { flatten } from '../../training/groups.js';
import { paperConfig } from '../../training/paper.js';
import { FileSource } from '../checkpoint/byte-source.js';
import { saveCheckpoint } from '../checkpoint/checkpoint.js';
import { fromEngine } from '../checkpoint/tensors.js';
import type { PyTorchValue } from '../checkpoint/pytorch/index.js';
import { readPyTorch } from '../checkpoint/pytorch/index.js';
import { readSafetensors } from '../checkpoint/safetensors.js';
import { adoptBackbone, classesOf, isTorchvision, readBackbone } from '../checkpoint/state-dict/backbone.js';
import type { ReferenceCheckpoint } from '../checkpoint/state-dict/reference.js';
import { adoptReference, readReference } from '../checkpoint/state-dict/reference.js';
import { type EncoderConfig, networks } from '../encoders/registry.js';
import type { Preprocessing, Weights } from '../encoders/weights.js';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { startEngine } from '../engine/start.js';
import { didYouMean, unknownName } from '../errors/did-you-mean.js';
import { fitting } from '../errors/fitting.js';
import { CheckpointError, UsageError } from '../errors/index.js';
import { ModelConfig, StaticConfig } from '../model/config.js';
import { GFNet } from '../model/gfnet.js';
import { StaticNetwork } from '../model/static.js';
import type { Variables } from '../nn/scope.js';
import { makeNewFolder } from './new-folder.js';
import { wholeNumber } from './options.js';

interface Options {
  readonly out: string;
  readonly network?: string;
  readonly patch?: number;
  readonly steps?: number;
  readonly side?: number;
  readonly weights?: string;
  readonly classes?: string;
}

/** What is saved. */
interface Imported {
  readonly preparation: Preprocessing;
  readonly stage: 'stage3' | 'static';
  readonly config: ModelConfig | StaticConfig;
  readonly variables: Variables;
}

export function importCommand(): Command {
  return new Command('import')
    .description(
      'make a model of weights from PyTorch: a checkpoint of the authors’ GFNet, or one encoder as torchvision or timm publishes it',
    )
    .argument('<file>', '.pth, .pth.tar, .pt or .safetensors')
    .requiredOption('--out <folder>', 'the folder to make')
    .option('--network <name>', 'which network the weights are of; needed unless the file says it')
    .option(
      '--patch <pixels>',
      'side of the patches of a GFNet; needed unless the file says it',
      wholeNumber(1),
    )
    .option('--steps <n>', 'looks of a GFNet; needed unless the file says it', wholeNumber(1))
    .option('--side <pixels>', 'side of the images (default: as published)', wholeNumber(1))
    .option(
      '--weights <name>',
      'which published weights these are, as to how images are prepared (default: the first)',
    )
    .option('--classes <file>', 'the names of the classes, one a line (default: their numbers)')
    .addHelpText(
      'after',
      `
Nothing in the file is run. gfnet models lists the networks, and which published weights fit them.

Examples:
  gfnet import gfnet_resnet50_96.pth.tar --out runs/authors
  gfnet import resnet50-11ad3fa6.pth --network resnet50 --out runs/resnet50
  gfnet train stage1 --preset gfnet-resnet50-96-t5 --config data.json --from runs/resnet50 --out runs/a/stage1`,
    )
    .action(async (file: string, options: Options) => {
      const content = readContent(file);
      const reference = readReference(content, file);
      await ensureEngine(lineReporter());
      startEngine();
      const imported = reference
        ? importReference(reference, file, options)
        : importBackbone(content, file, options);
      save(imported, options.out);
      process.stdout.write(
        imported.stage === 'static'
          ? `${options.out}: try gfnet predict IMAGE --model ${options.out}, or gfnet train stage1 --from ${options.out}\n`
          : `${options.out}: try gfnet predict IMAGE --model ${options.out}\n`,
      );
    });
}

const misfit = { problem: 'the network does not fit the images' };

function importReference(reference: ReferenceCheckpoint, file: string, options: Options): Imported {
  const name = chooseNetwork(reference.network, options);
  const patch = agreed('--patch', reference.patch, options.patch);
  const steps = agreed('--steps', reference.steps, options.steps);
  const preparation = choosePreparation(name, 'GFNet', options);
  const images = describeImages(preparation, classesOf(reference.states.global), options);
  const config = fitting(ModelConfig, { ...paperConfig(name, patch, steps).network, ...images }, misfit);
  return {
    stage: 'stage3',
    config,
    preparation,
    variables: adoptReference(new GFNet(config), reference, file),
  };
}

function importBackbone(content: PyTorchValue, file: string, options: Options): Imported {
  for (const option of ['patch', 'steps'] as const) {
    if (options[option] === undefined) continue;
    throw new UsageError({
      problem: `--${option} is for the checkpoints of a GFNet`,
      given: `${file} holds one encoder`,
      mend: `leave --${option} out`,
    });
  }
  const name = chooseNetwork(undefined, options);
  const state = readBackbone(content, file);
  const publisher = isTorchvision(state) ? 'torchvision' : undefined;
  const preparation = choosePreparation(name, publisher, options);
  const images = describeImages(preparation, classesOf(state), options);
  const config = fitting(StaticConfig, { ...images, encoder: { name }, input: images.side }, misfit);
  return {
    stage: 'static',
    config,
    preparation,
    variables: adoptBackbone(new StaticNetwork(config), state, file),
  };
}

type PublishedName = Exclude<EncoderConfig['name'], 'small'>;

/** @throws UsageError for a name that no published network has */
function chooseNetwork(found: string | undefined, { network }: Options): PublishedName {
  const name = agreed('--network', found, network);
  const names = [...networks.keys()].filter(known => known !== 'small');
  if (names.includes(name)) return name as PublishedName;
  throw unknownName('network', name, names);
}

/** What the file says, or else the option. @throws UsageError where neither does, or they differ */
function agreed<T extends string | number>(option: string, found: T | undefined, given: T | undefined): T {
  const value = found ?? given;
  if (value !== undefined && (given === undefined || given === value)) return value;
  throw new UsageError(
    value === undefined
      ? { problem: `the file does not say what ${option} is`, mend: `give ${option}` }
      : { problem: `the file says otherwise`, given: `${option} ${given ?? ''}`, allowed: String(value) },
  );
}

/** How the chosen published weights' images are prepared, or the publisher's, or the first; at the size that an option says. */
function choosePreparation(
  name: PublishedName,
  publisher: Weights['publisher'] | undefined,
  { weights: chosen, side }: Options,
): Preprocessing {
  const published = networks.get(name)?.weights ?? [];
  const found =
    chosen === undefined
      ? (published.find(weights => weights.publisher === publisher) ?? published[0])
      : published.find(weights => weights.name === chosen);
  if (!found) {
    const names = published.map(weights => weights.name);
    throw new UsageError({
      problem: `unknown weights of ${name}${didYouMean(chosen ?? '', names)}`,
      given: chosen ?? 'none',
      allowed: names.join('; '),
    });
  }
  const { preprocessing } = found;
  const resize = Math.round((preprocessing.resize * (side ?? preprocessing.side)) / preprocessing.side);
  return { ...preprocessing, side: side ?? preprocessing.side, resize };
}

function describeImages({ side, mean, std }: Preprocessing, classes: number | undefined, options: Options) {
  return { side, channels: 3, mean, std, classes: nameClasses(classes, options.classes) };
}

/** @throws UsageError where the file has another number of names, CheckpointError where there is one class */
function nameClasses(found: number | undefined, file: string | undefined): readonly string[] {
  if (found === 1) {
    throw new CheckpointError({
      problem: 'the head of the network has one output, which tells no classes apart',
      allowed: 'an output for each of two classes or more',
      mend: 'train its head anew with two outputs, no and yes',
    });
  }
  // Without a head the file will be refused, with all that is missing, whatever they are called.
  const count = found ?? 2;
  if (file === undefined) return Array.from({ length: count }, (_, i) => String(i));
  const names = opening(file, () => readFileSync(file, 'utf8'))
    .split(/\r?\n/)
    .filter(line => line.trim() !== '');
  if (found === undefined || names.length === count) return names;
  throw new UsageError({
    problem: 'the names are not as many as the classes',
    given: `${names.length} lines in ${file}`,
    allowed: String(count),
  });
}

function readContent(file: string): PyTorchValue {
  const descriptor = opening(file, () => openSync(file, 'r'));
  try {
    const { size } = opening(file, () => fstatSync(descriptor));
    const bytes = new FileSource(descriptor, size);
    // A safetensors file begins with eight bytes of length, then JSON.
    const isSafetensors = size > 8 && opening(file, () => bytes.read(8, 9))[0] === '{'.charCodeAt(0);
    return isSafetensors ? readSafetensors(bytes, file).tensors : readPyTorch(bytes, file);
  } finally {
    closeSync(descriptor);
  }
}

/** @throws UsageError where the file cannot be opened or read */
function opening<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new UsageError({
      problem: 'the file cannot be read',
      given: `${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
      mend: 'check the path',
      cause,
    });
  }
}

function save({ stage, config, preparation, variables }: Imported, out: string): void {
  makeNewFolder(out);
  const { side, channels, mean, std, classes } = config;
  saveCheckpoint(out, 'model', {
    kind: 'model',
    stage,
    architecture: config,
    progress: {},
    metrics: {},
    classes,
    preprocessing: {
      side,
      channels,
      mean,
      std,
      resize: preparation.resize,
      interpolation: preparation.interpolation,
    },
    tensors: fromEngine(flatten({ ...variables })),
  });
}
