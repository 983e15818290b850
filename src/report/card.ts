/** The model card: what a packaged model is, what it was measured to do, and how it is used; Markdown. */
import type { Results } from '../evaluation/index.js';
import { integer } from './format.js';
import { markdown } from './markdown.js';
import { summary } from './summary.js';
import { budgetsTable, guaranteesTable, staticsTable, stepsTable } from './tables.js';

export interface CardContent {
  /** The folder's name. */
  readonly name: string;
  readonly results: Results;
  /** The commands that trained it, stage by stage. */
  readonly training: readonly string[];
  readonly programVersion: string;
}

/** The whole file's text. */
export function renderCard({ name, results, training, programVersion }: CardContent): string {
  const { model, classes, test, validation, seed } = results;
  const tables = [
    stepsTable(results),
    staticsTable(results),
    budgetsTable(results),
    guaranteesTable(results),
  ];
  return [
    `# ${name}`,
    '',
    `A glance-and-focus classifier: up to ${model.steps} looks of ${model.patch} x ${model.patch} pixels at images of ${model.image} x ${model.image};`,
    `${model.architecture}; ${integer(model.parameters)} parameters. It tells ${classes.length} classes apart: ${classes.join(', ')}.`,
    '',
    `    gfnet predict ${name}/example.png --model ${name}`,
    '',
    '![Images it was tested on: the places that were looked at, and what was believed after each look](picture.png)',
    '',
    '## What it was measured to do',
    '',
    `On ${test.name}: ${integer(test.images)} images of ${integer(test.sources)} sources that it never saw; ± is one standard error, with`,
    `images of one source counted together. Thresholds were fitted on ${validation.name}.`,
    '',
    ...tables.filter(({ rows }) => rows.length > 0).flatMap(table => [...markdown(table), '']),
    ...summary(results),
    '',
    '## How it was trained',
    '',
    `${seed === null ? 'By' : `With seed ${seed}, by`} gfnet ${programVersion}:`,
    '',
    ...training.map(command => `    ${command}`),
    '',
    '## What it is not for',
    '',
    `It knows images like those of ${test.name} and nothing else: any other picture is answered as if it were one of them, and its`,
    'confidence means nothing there.',
    '',
  ].join('\n');
}
