/** `gfnet profile`: where a network's cost lies. */
import { existsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { Command } from 'commander';
import { presets } from '../../training/presets.js';
import { modelConfig } from '../../training/run-stage.js';
import { openData } from '../data/open.js';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { startEngine } from '../engine/start.js';
import { unknownName } from '../errors/did-you-mean.js';
import { fitting } from '../errors/fitting.js';
import { UsageError } from '../errors/index.js';
import { ModelConfig } from '../model/config.js';
import { GFNet } from '../model/gfnet.js';
import type { Profile } from '../model/profile.js';
import { profile } from '../model/profile.js';
import type { Spread } from '../model/spread.js';
import { loadGFNet } from '../predict/load.js';
import { integer, multiAdds, percent, renderTable } from '../report/index.js';
import type { ConfigOptions } from './config.js';
import { readConfig, readNetwork } from './config.js';
import { threadsOption, wholeNumber } from './options.js';

interface Options {
  readonly preset?: string;
  readonly config?: string;
  readonly set?: readonly string[];
  readonly batch: number;
  readonly threads?: number;
  readonly json?: boolean;
}

/** How the memory was found, for the reader of either form. */
const memoryIs =
  'the most that intermediate results take at one time when a step runs one operation after the other, ' +
  'each result has memory of its own and is freed after its last use; not counted is what it is given: ' +
  'weights, images and what the step before left';

export function profileCommand(): Command {
  return new Command('profile')
    .description('show where a network’s cost lies: Multi-Adds, parameters, memory and time of each step')
    .argument(
      '[run]',
      'a run folder, a packaged model, a checkpoint’s .json file, or a configuration by name',
    )
    .option('--preset <name>', 'instead of a run, a configuration by name')
    .option(
      '--config <file>',
      'instead of a run, a JSON file with a configuration, or what goes before the preset',
    )
    .option('--set <key=value...>', 'change single values of the configuration, e.g. network.steps=3')
    .option('--batch <n>', 'images computed at once', wholeNumber(1), 1)
    .addOption(threadsOption())
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
${wrapped(`A configuration without data is profiled on ImageNet’s images: 224 px, 3 channels, 1000 classes. Time is that of the compiled steps on this machine, all steps taken. Memory is ${memoryIs}.`)}
Examples:
  gfnet profile --preset cluttered-60
  gfnet profile gfnet-resnet50-96-t5 --set network.steps=3
  gfnet profile runs/demo --batch 64 --json`,
    )
    .action(async (named: string | undefined, { preset: chosen, ...options }: Options) => {
      const { config, set, batch, threads, json } = options;
      const isPreset =
        named !== undefined && chosen === undefined && Object.hasOwn(presets, named) && !existsSync(named);
      if (named !== undefined && !isPreset && !existsSync(named)) {
        throw unknownName('run, model or preset', named, Object.keys(presets));
      }
      const [run, preset] = isPreset ? [undefined, named] : [named, chosen];
      const given = [run, preset, config, ...(set ?? [])].filter(choice => choice !== undefined);
      if (given.length === 0 || (run !== undefined && given.length > 1)) {
        throw new UsageError({
          problem: 'a profile is of one network',
          given: given.length === 0 ? 'none' : given.join(', '),
          allowed: 'a run; or --preset NAME, --config FILE or both, and --set KEY=VALUE',
        });
      }
      const model = run === undefined ? await configured({ preset, config, set }) : undefined;
      await ensureEngine(lineReporter());
      startEngine({ threads });
      const network = model ? new GFNet(model) : undefined;
      const { gfnet, costs, variables } = network
        ? { gfnet: network, ...network.initialise('zeros') }
        : loadGFNet(run ?? '');
      const measured = profile(gfnet, costs, variables, batch);
      const machine = {
        processor: cpus()[0]?.model ?? 'unknown',
        threads: threads ?? availableParallelism(),
      };
      process.stdout.write(
        json
          ? `${JSON.stringify({ network: gfnet.config, machine, memoryIs, ...measured }, null, 2)}\n`
          : render(gfnet.config, measured, `${machine.processor}, ${machine.threads} threads`),
      );
    });
}

/** What a network sees whose configuration says nothing of data. */
const imageNet = { side: 224, channels: 3, classes: Array.from({ length: 1000 }, (_, i) => String(i)) };

async function configured(options: ConfigOptions): Promise<ModelConfig> {
  const alone = readNetwork(options);
  if (alone) {
    const problem = 'the network does not fit the images';
    return fitting(ModelConfig, { ...alone, ...imageNet }, { problem });
  }
  const config = readConfig(options);
  const splits = openData(config.data);
  await splits.close?.();
  return modelConfig(config, splits);
}

function render(
  config: ModelConfig,
  { batch, rounds, steps, networks, kinds }: Profile,
  machine: string,
): string {
  const { encoder, side, patch, classes } = config;
  const total = steps.reduce((sum, step) => sum + step.multiAdds, 0);
  const count = (value: number): string => (value === 0 ? '–' : multiAdds(value));
  return [
    `${encoder.name} on images of ${side} x ${side} pixels, patches of ${patch} x ${patch}, ${classes.length} classes`,
    `${machine}; batches of ${batch}, ${rounds} rounds\n`,
    renderTable({
      title: 'Steps: Multi-Adds of one image; memory and time of a batch',
      head: [
        'step',
        'Multi-Adds',
        'global',
        'local',
        'policy',
        'classifier',
        'memory',
        'median ms',
        'quartiles',
      ],
      rows: steps.map(({ step, multiAdds: own, parts, peakBytes, time }) => [
        step === 1 ? '1, glance' : String(step),
        multiAdds(own),
        ...[parts.global, parts.local, parts.policy, parts.classifier].map(count),
        megabytes(peakBytes),
        ...milliseconds(time),
      ]),
    }),
    renderTable({
      title: 'Networks, all steps',
      head: ['network', 'parameters', 'Multi-Adds', '%'],
      rows: networks.map(({ name, parameters, multiAdds: own }) => [
        name,
        integer(parameters),
        count(own),
        percent(own / total, 1),
      ]),
    }),
    renderTable({
      title: 'Layers, all steps',
      head: ['kind', 'layers', 'Multi-Adds', '%'],
      rows: kinds.map(({ kind, layers, multiAdds: own }) => [
        kind,
        integer(layers),
        count(own),
        percent(own / total, 1),
      ]),
    }),
    wrapped(`Memory: ${memoryIs}.`),
  ].join('\n');
}

/** In lines of at most 100 characters, each ending in a line break. */
function wrapped(text: string): string {
  return text.replace(/(.{1,100})(?: |$)/g, '$1\n');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toPrecision(3)} MB`;
}

function milliseconds({ median, lowerQuartile, upperQuartile }: Spread): string[] {
  const [middle, lower, upper] = [median, lowerQuartile, upperQuartile].map(time => time.toFixed(2));
  return [middle ?? '', `${lower}–${upper}`];
}
