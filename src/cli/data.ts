/** `gfnet data`: what is wrong with a set of image files, before anything is trained on it; any data set as a folder of them. */
import cliProgress from 'cli-progress';
import { Command } from 'commander';
import type { DataReport } from '../data/images/check.js';
import { checkImages } from '../data/images/check.js';
import { areFiles, listImages } from '../data/images/open.js';
import { splitListing } from '../data/images/split.js';
import { exitCodes, UsageError } from '../errors/index.js';
import { integer, renderTable } from '../report/index.js';
import { readConfig } from './config.js';
import { writeCommand } from './data-write.js';

interface Options {
  readonly config?: string;
  readonly set?: string[];
  readonly json?: boolean;
}

/** Files and groups that are printed; `--json` has them all. */
const shown = 20;

export function dataCommand(): Command {
  return new Command('data')
    .description('look image files through, or write a data set out as such')
    .addCommand(checkCommand())
    .addCommand(writeCommand());
}

function checkCommand(): Command {
  return new Command('check')
    .description(
      'decode every image once: counts, sizes, broken files, copies, leaks between training and test',
    )
    .argument('[path]', 'a folder of images or of shards (.tar), or a manifest (.csv, .jsonl)')
    .option('--config <file>', 'take the data from a JSON file of configuration')
    .option('--set <key=value...>', 'change single values, e.g. data.test=0.2')
    .option('--json', 'as JSON, every file named')
    .addHelpText(
      'after',
      `
Exit code 2 where something must be mended: broken files, the same image in two sets or with two labels, a class without
training images. Files of the same bytes are told for certain. Images that look alike are suspected: 64 bits say of each image where it grows
darker from left to right, and those in two sets are told that have the same bits, as one group, or differ in at most 3; look at them.

Examples:
  gfnet data check flowers
  gfnet data check --config data.json --json`,
    )
    .action(async (path: string | undefined, { config, set, json }: Options) => {
      const { data } = readConfig({
        data: path,
        config,
        set,
        ...(config !== undefined && { preset: 'photos-96' }),
      });
      if (!areFiles(data)) {
        throw new UsageError({
          problem: 'there are no image files to check',
          given: `data.kind ${data.kind}`,
          allowed: 'folder, manifest, shards',
        });
      }
      const listing = listImages(data);
      const bar = new cliProgress.SingleBar({
        format: 'decoding {bar} {percentage}% | {value}/{total} images | {eta_formatted} left',
        clearOnComplete: true,
        hideCursor: true,
        noTTYOutput: false,
      });
      const split = splitListing(listing, data);
      bar.start(listing.labels.length, 0);
      const report = await checkImages(listing, split, done => bar.update(done)).finally(() => bar.stop());
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : render(report));
      if (report.faults.length > 0) process.exitCode = exitCodes.badInput;
    });
}

function render(report: DataReport): string {
  const { classes, width, height, formats, leftAside, broken, duplicates, nearDuplicates, faults } = report;
  const counted = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${integer(count)} ${name || 'without extension'}`)
      .join(', ');
  const trained = classes.map(({ train }) => train).filter(count => count > 0);
  return [
    renderTable({
      title: `Images of ${report.name}`,
      head: ['class', 'train', 'validation', 'test'],
      rows: classes.map(({ name, train, validation, test }) => [
        name,
        ...[train, validation, test].map(integer),
      ]),
    }),
    ...report.notes,
    `width ${width.join(' / ')}, height ${height.join(' / ')} pixels (least / median / most); ${counted(formats)}`,
    ...(Object.keys(leftAside).length > 0
      ? [`left aside, for they are no images or in no folder of a class: ${counted(leftAside)}`]
      : []),
    `the largest class has ${report.imbalance.toFixed(1)} times as many training images as the smallest${trained.length < classes.length ? ' that has any' : ''} (${integer(Math.min(...trained))})`,
    ...list('broken files', broken, ({ file, problem }) => `${file}: ${problem}`),
    ...list('groups of files with the same bytes', duplicates, ({ files, leak, conflict }) =>
      [some(files, ' = '), leak ? 'IN TWO SETS' : '', conflict ? 'TWO LABELS' : '']
        .filter(Boolean)
        .join('  '),
    ),
    ...list(
      'groups of images in two sets look alike (suspected, look at them)',
      nearDuplicates,
      ({ files, bits, more }) =>
        `${some(files, ' ~ ')}  ${bits} of 64 bits differ${more > 0 ? `, and ${integer(more)} look the same as one of them` : ''}`,
    ),
    ...(report.furtherNearDuplicates > 0
      ? [`${integer(report.furtherNearDuplicates)} pairs more look alike, and are not named`]
      : []),
    ...(report.notCompared > 0
      ? [`${integer(report.notCompared)} images are too flat to tell looks apart`]
      : []),
    faults.length === 0 ? 'nothing must be mended' : `to be mended: ${faults.join('; ')}`,
    '',
  ].join('\n');
}

/** The first files of a large group. */
function some(files: readonly string[], between: string): string {
  const few = files.slice(0, 4).join(between);
  return files.length > 4 ? `${few} and ${integer(files.length - 4)} more` : few;
}

function list<T>(what: string, items: readonly T[], line: (item: T) => string): string[] {
  if (items.length === 0) return [];
  const more = items.length > shown ? [`  ... and ${integer(items.length - shown)} more: --json`] : [];
  return [
    `${integer(items.length)} ${what}`,
    ...items.slice(0, shown).map(item => `  ${line(item)}`),
    ...more,
  ];
}
