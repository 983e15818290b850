/** The model card of an exported bundle: what it is, what it was measured to do, how it is used here and in other languages; Markdown. */
import type { BundleManifest } from '../bundle/manifest.js';
import type { Results } from '../evaluation/index.js';
import { integer, multiAdds, percent } from './format.js';
import { markdown } from './markdown.js';
import { budgetsTable, stepsTable } from './tables.js';

type Manifest = Omit<BundleManifest, 'format' | 'schemaVersion' | 'files'>;

/**
 * The whole file's text; its head is the one that Hugging Face reads.
 * @param single whether all steps lie beside it as one graph, `single.onnx`, too
 */
export function renderBundleCard(manifest: Manifest, results: Results | undefined, single: boolean): string {
  return [
    ...head(manifest, results),
    '',
    `# ${manifest.name}`,
    '',
    ...description(manifest),
    '',
    ...usage(manifest),
    '',
    ...costs(manifest),
    ...(results ? ['', ...measured(results)] : []),
    '',
    ...format(manifest),
    ...(single ? ['', ...inOne(manifest)] : []),
    '',
  ].join('\n');
}

function head({ name }: Manifest, results: Results | undefined): string[] {
  const accuracy = results?.policies[0]?.steps.at(-1)?.accuracy;
  return [
    '---',
    'library_name: onnx',
    'pipeline_tag: image-classification',
    'tags: [onnx, gfnet, early-exit, adaptive-inference]',
    ...(results && accuracy !== undefined
      ? [
          'model-index:',
          `  - name: ${JSON.stringify(name)}`,
          '    results:',
          '      - task: { type: image-classification }',
          `        dataset: { type: ${JSON.stringify(results.test.name)}, name: ${JSON.stringify(results.test.name)} }`,
          `        metrics: [{ type: accuracy, value: ${accuracy.toFixed(4)} }]`,
        ]
      : []),
    '---',
  ];
}

function description({ patch, steps, image, classes }: Manifest): string[] {
  const { side } = image;
  const shown = classes.slice(0, 20).join(', ') + (classes.length > 20 ? ', ...' : '');
  return [
    patch === null
      ? `A classifier of images of ${side} x ${side} pixels.`
      : `A glance-and-focus classifier: up to ${steps.length} looks of ${patch} x ${patch} pixels at images of ${side} x ${side}.`,
    `It tells ${integer(classes.length)} classes apart: ${shown}.`,
  ];
}

function usage({ name }: Manifest): string[] {
  return [
    `    gfnet predict IMAGE --model ${name}`,
    '',
    '```ts',
    "import { GFNet } from 'gfnet/predict';",
    '',
    `const model = await GFNet.load('${name}');`,
    "const [prediction] = await model.predict(['image.png'], { threshold: 0.975 });",
    '```',
  ];
}

function costs({ steps }: Manifest): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(['step', 'graph', 'Multi-Adds']),
    line(['---', '---', '---']),
    ...steps.map(({ graph, multiAdds: cost }, t) => line([String(t + 1), graph, multiAdds(cost)])),
  ];
}

function measured(results: Results): string[] {
  const { test, validation } = results;
  return [
    '## What it was measured to do',
    '',
    `On ${test.name}: ${integer(test.images)} images of ${integer(test.sources)} sources that it never saw; ± is one standard error, with`,
    `images of one source counted together. Thresholds were fitted on ${validation.name}.`,
    '',
    ...[stepsTable(results), budgetsTable(results)].flatMap(table => [...markdown(table), '']),
  ];
}

function format({ image, verification, int8, programVersion }: Manifest): string[] {
  const { images, difference } = verification;
  return [
    '## The graphs',
    '',
    'Those of the steps are plain ONNX (opset 18) with their weights in `weights.bin`. Each takes `images`, uint8 ' +
      `[n, ${image.side}, ${image.side}, ${image.channels}] (mean and deviation are in the graph), and as \`state.*\` what the graph`,
    'before gave as `next.*`; before the first step, zeros. Each gives `logits`, `probabilities` and, of a crop, `action`: the place (row, column)',
    'in [0, 1] that it looked at. Images whose largest probability reaches their step’s threshold are answered: take their rows out of',
    'the state, and run the next graph on the rest, with all `images` and, as `rows` (int64), the places of the rest among them.',
    '',
    `Exported by gfnet ${programVersion}; on ${images.join(', ')} the logits differ from the training engine’s by at most ${percent(difference, 5)} % of the largest${int8 ? ', in float32' : ''}.`,
    ...(int8 ? integers(int8) : []),
  ];
}

function inOne({ image, steps, classes }: Manifest): string[] {
  const { side, channels } = image;
  return [
    '`single.onnx` is all steps as one graph for one image, its weights within: it needs no other file, and stops early by itself. It takes',
    `\`images\`, uint8 [1, ${side}, ${side}, ${channels}], and \`thresholds\`, float32 [${steps.length - 1}], one for each step but the last; a step whose largest`,
    'probability reaches its threshold is the last that is computed. It gives that step’s',
    `\`logits\` and \`probabilities\`, float32 [1, ${classes.length}], \`steps\`, an int64: how many were taken, and \`boxes\`, int64 [looks, 2]: row and column of`,
    'the top left pixel of each crop, looks being one less than steps. It was run on the same images and gives what the graphs of the steps give.',
  ];
}

function integers({ calibrated, judged, steps, speedUp }: NonNullable<Manifest['int8']>): string[] {
  const last = steps.at(-1);
  const accuracy = last?.accuracy
    ? `, accuracy ${percent(last.accuracy.int8)} % (float32: ${percent(last.accuracy.float32)} %)`
    : '';
  return [
    '',
    'Convolutions and products compute in 8-bit integers (QuantizeLinear, DequantizeLinear; a scale for each output channel); scales of activations',
    `were chosen by ${integer(calibrated)} images. On ${integer(judged)} others, after all steps: ${percent(last?.agreement ?? NaN)} % get the same answer as in float32${accuracy}. Where it was exported it was`,
    `${speedUp.map(({ batch, ratio }) => `${ratio.toFixed(2)} times as fast at batch ${batch}`).join(', ')}. Thresholds were fitted in float32.`,
  ];
}
