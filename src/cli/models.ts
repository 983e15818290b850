/** `gfnet models`: the networks that images can be encoded with, what they cost, and the published weights that fit them. */
import { Command } from 'commander';
import type { Network } from '../encoders/encoder.js';
import { measure, type Measured } from '../encoders/measure.js';
import { networks } from '../encoders/registry.js';
import type { Preprocessing } from '../encoders/weights.js';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { startEngine } from '../engine/start.js';
import { unknownName } from '../errors/did-you-mean.js';
import { integer, multiAdds, renderTable } from '../report/index.js';

/** Of the images that Multi-Adds are counted for, in pixels. */
const sides = [96, 128, 224];

interface Entry extends Measured, Pick<Network, 'paper' | 'weights'> {
  readonly name: string;
}

export function modelsCommand(): Command {
  return new Command('models')
    .description(
      'list the networks: parameters, Multi-Adds, paper, published weights and their preprocessing',
    )
    .argument('[name]', 'one network, in detail')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Counted for one image of 3 channels and a head of 1000 classes, by building the network.

Examples:
  gfnet models
  gfnet models resnet50
  gfnet models --json`,
    )
    .action(async (name: string | undefined, { json }: { json?: boolean }) => {
      const chosen = name === undefined ? [...networks] : [[name, find(name)] as const];
      await ensureEngine(lineReporter());
      startEngine();
      const entries = chosen.map(([name, network]) => entryOf(name, network));
      const [first] = entries;
      if (name === undefined || !first)
        process.stdout.write(json ? asJson(entries.map(plain)) : tables(entries));
      else process.stdout.write(json ? asJson(plain(first)) : details(first));
    });
}

/** @throws UsageError for a name that no network has */
function find(name: string): Network {
  const network = networks.get(name);
  if (network) return network;
  throw unknownName('network', name, [...networks.keys()]);
}

function entryOf(name: string, { encode, paper, weights }: Network): Entry {
  return { name, ...measure(encode, sides), paper, weights };
}

function plain({ multiAdds, ...entry }: Entry): object {
  return { ...entry, multiAdds: Object.fromEntries(multiAdds) };
}

function asJson(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** No line is longer than 100 characters. */
function tables(entries: readonly Entry[]): string {
  const costs = renderTable({
    title: 'Networks, with the Multi-Adds of one image and a head of 1000 classes',
    head: ['network', 'parameters', ...sides.map(side => `${side} px`), 'paper'],
    rows: entries.map(({ name, parameters, multiAdds: counted, paper }) => [
      name,
      integer(parameters),
      ...sides.map(side => multiAdds(counted.get(side) ?? NaN)),
      `arXiv:${paper.arxiv}`,
    ]),
  });
  const weights = renderTable({
    title: 'Published weights that fit them; images are resized (short side), cut to the centre, normalised',
    head: ['weights', 'licence', 'pixels', 'resized', 'mean/std'],
    rows: entries
      .filter(({ weights }) => weights.length > 0)
      .flatMap(({ name: network, weights }) => [
        [`${network}:`, '', '', '', ''],
        ...weights.map(({ publisher, name, licence, preprocessing }) => [
          `  ${publisher} ${name}`,
          licence,
          `${preprocessing.resize}, ${preprocessing.side}`,
          preprocessing.interpolation,
          normalisation(preprocessing),
        ]),
      ]),
  });
  return `${costs}\n${weights}\ngfnet models NAME shows one of them in detail.\n`;
}

/** ImageNet's own mean, which is another for each channel, or the two numbers. */
function normalisation({ mean, std }: Preprocessing): string {
  const [channel] = mean;
  return mean.every(value => value === channel) ? `${channel}, ${std[0]}` : 'ImageNet';
}

function details({ name, parameters, multiAdds: counted, paper, weights }: Entry): string {
  const costs = sides.map(side => `${multiAdds(counted.get(side) ?? NaN)} (${side} px)`).join(', ');
  return [
    name,
    `  parameters  ${integer(parameters)}`,
    `  Multi-Adds  ${costs}`,
    '  paper',
    `    ${paper.citation}`,
    `    https://arxiv.org/abs/${paper.arxiv}`,
    weights.length > 0 ? '  published weights' : '  no published weights',
    ...weights.flatMap(({ publisher, name, licence, preprocessing }) => [
      `    ${publisher} ${name}, ${licence}`,
      `      ${prepared(preprocessing)}`,
    ]),
    '',
  ].join('\n');
}

function prepared({ resize, side, interpolation, mean, std }: Preprocessing): string {
  const ratio = (side / resize).toFixed(3);
  return `resize ${resize} (${interpolation}), crop ${side} (ratio ${ratio}), mean ${mean.join(' ')}, std ${std.join(' ')}`;
}
