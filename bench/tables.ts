/** The measurements as tables for the terminal. */
import { percent } from '../src/report/format.js';
import type { Table } from '../src/report/tables.js';
import type { Waiting } from './data.js';
import type { Loading } from './loader.js';
import type { Flatness } from './memory.js';
import type { Saving } from './onnx.js';
import type { Single } from './single.js';
import type { Serving } from './serve.js';
import type { Speed } from './speed.js';
import type { StartUp } from './startup.js';
import type { Scaling } from './workers.js';

export interface Measurements {
  readonly conditions: {
    readonly threads: number;
    /** Of streams on ONNX Runtime. */
    readonly workers: number;
    readonly node: string;
    readonly tensorflow: string;
    readonly processor: string;
  };
  readonly speed: readonly Speed[];
  readonly data: readonly Waiting[];
  readonly loader: readonly Loading[];
  readonly startup: readonly StartUp[];
  readonly memory: readonly Flatness[];
  readonly savings: readonly Saving[];
  readonly singles: readonly Single[];
  readonly scaling: readonly Scaling[];
  readonly serving: readonly Serving[];
}

const verdict = (met: boolean | null): string => (met === null ? '' : met ? 'met' : 'MISSED');

export function speedTable({ conditions, speed }: Measurements): Table {
  const { threads, node, tensorflow, processor } = conditions;
  const version = speed.find(({ pytorch }) => pytorch)?.pytorch?.version;
  return {
    title: `ms per image, ${threads} threads, ${processor}; TensorFlow ${tensorflow}, Node ${node}${version ? `, PyTorch ${version}` : ''}`,
    head: ['work', 'batch', 'here', 'PyTorch', 'fastest as', 'ratio', 'middle half', 'target', ''],
    rows: speed.map(({ name, batch, milliseconds, pytorch }) => [
      name,
      String(batch),
      milliseconds.toFixed(3),
      ...(pytorch
        ? [
            pytorch.milliseconds.toFixed(3),
            pytorch.variant,
            pytorch.ratio.median.toFixed(2),
            `${pytorch.ratio.lowerQuartile.toFixed(2)}–${pytorch.ratio.upperQuartile.toFixed(2)}`,
            pytorch.target === null ? '' : `<= ${pytorch.target.toFixed(2)}`,
            verdict(pytorch.met),
          ]
        : []),
    ]),
  };
}

export function dataTable({ data, loader }: Measurements): Table {
  return {
    title: 'ms a training step, and the share of it that it waits for its batch',
    head: ['data', 'training', 'waiting', 'share', 'target', ''],
    rows: [...data, ...loader.map(({ waiting }) => waiting)].map(
      ({ data, training, waiting, share, target, met }) => [
        data,
        training.toFixed(2),
        waiting.toFixed(2),
        `${(100 * share).toFixed(1)} %`,
        `< ${100 * target} %`,
        verdict(met),
      ],
    ),
  };
}

export function loaderTable({ loader }: Measurements): Table {
  return {
    title: 'images/s of training batches of 224 px from JPEG files of 500 x 375',
    head: ['workers', 'here', 'PyTorch', 'ratio', 'middle half', 'target', ''],
    rows: loader.map(({ workers, imagesPerSecond, pytorch }) => [
      String(workers),
      imagesPerSecond.toFixed(0),
      ...(pytorch
        ? [
            pytorch.imagesPerSecond.toFixed(0),
            pytorch.ratio.median.toFixed(2),
            `${pytorch.ratio.lowerQuartile.toFixed(2)}–${pytorch.ratio.upperQuartile.toFixed(2)}`,
            `>= ${pytorch.target.toFixed(2)}`,
            verdict(pytorch.met),
          ]
        : []),
    ]),
  };
}

export function startUpTable({ startup }: Measurements): Table {
  return {
    title: 'a set of images, opened up to its first training batch',
    head: ['kind', 'images', 'seconds', 'MiB', 'target', ''],
    rows: startup.map(({ kind, images, seconds, mebibytes, targets, met }) => [
      kind,
      String(images),
      seconds.toFixed(1),
      mebibytes.toFixed(0),
      `< ${targets.seconds} s, < ${targets.mebibytes} MiB`,
      verdict(met),
    ]),
  };
}

export function memoryTable({ memory }: Measurements): Table {
  const [first] = memory;
  return {
    title: `tensors and resident MiB at the start, the middle and the end of ${first?.steps ?? 0} steps`,
    head: ['stage', 'tensors', 'MiB', 'limit of the second half', ''],
    rows: memory.map(({ stage, start, middle, end, limit, met }) => [
      stage,
      [start, middle, end].map(({ tensors }) => tensors).join(' / '),
      [start, middle, end].map(({ resident }) => resident.toFixed(0)).join(' / '),
      `+${limit}`,
      verdict(met),
    ]),
  };
}

export function savingTable({ conditions, savings }: Measurements): Table {
  return {
    title: `early exit on ONNX Runtime, ${conditions.threads} threads${conditions.workers > 1 ? ` shared out among ${conditions.workers} workers` : ''}, ${conditions.processor}: images/s, and the share of the counted saving that the clock shows`,
    head: [
      'network',
      'image',
      'batch',
      'p',
      'mean steps',
      'TensorFlow, all steps',
      'all steps',
      'early exit',
      'counted saving',
      'share of it',
      'middle half',
      '',
      'outside the runtime',
      '',
    ],
    rows: savings.map(saving => [
      saving.network,
      `${saving.side} px`,
      String(saving.batch),
      saving.point,
      saving.meanSteps.toFixed(2),
      saving.engineImagesPerSecond.toFixed(1),
      saving.allSteps.imagesPerSecond.toFixed(1),
      saving.imagesPerSecond.toFixed(1),
      ...shareOf(saving.allSteps),
      `${percent(saving.overhead.median, 1)} %`,
      verdict(saving.overheadMet),
    ]),
  };
}

export function rivalTable({ savings }: Measurements): Table {
  return {
    title: 'the same beside a static network of the same encoder on the whole image: images/s, error on test',
    head: [
      'network',
      'batch',
      'p',
      'error',
      'static',
      'early exit',
      'static',
      'counted saving',
      'share of it',
      'middle half',
      '',
    ],
    rows: savings.flatMap(({ network, batch, point, accuracy, imagesPerSecond, rival }) =>
      rival
        ? [
            [
              network,
              String(batch),
              point,
              `${percent(1 - (accuracy ?? NaN))} %`,
              `${percent(1 - rival.accuracy)} %`,
              imagesPerSecond.toFixed(1),
              rival.imagesPerSecond.toFixed(1),
              ...shareOf(rival),
            ],
          ]
        : [],
    ),
  };
}

export function singleTable({ singles }: Measurements): Table {
  return {
    title:
      'one image through all steps as one graph, beside the graphs of the steps: ms by the steps it takes',
    head: ['network', 'steps', 'one graph', 'graphs of the steps', 'ratio', 'middle half'],
    rows: singles.map(({ network, steps, together, apart, ratio }) => [
      network,
      String(steps),
      together.toFixed(2),
      apart.toFixed(2),
      ratio.median.toFixed(2),
      `${ratio.lowerQuartile.toFixed(2)}–${ratio.upperQuartile.toFixed(2)}`,
    ]),
  };
}

function shareOf({ counted, share, met }: Saving['allSteps']): string[] {
  return [
    `${percent(counted, 0)} %`,
    share.median.toFixed(2),
    `${share.lowerQuartile.toFixed(2)}–${share.upperQuartile.toFixed(2)}`,
    verdict(met),
  ];
}

export function scalingTable({ conditions, scaling }: Measurements): Table {
  return {
    title: `resnet50 at 96 px, processes of one thread, ${conditions.processor}: seconds a step, and images/s of all over those of as many alone`,
    head: [
      'workers',
      'images of each',
      'alone',
      'apart',
      'together',
      'apart over alone',
      'efficiency',
      'middle half',
      'target',
      '',
      'a sum',
    ],
    rows: scaling.map(({ workers, batch, alone, apart, together, efficiency, limit, sum, target, met }) => [
      String(workers),
      String(batch),
      alone.toFixed(2),
      apart.toFixed(2),
      together.toFixed(2),
      limit.median.toFixed(2),
      efficiency.median.toFixed(2),
      `${efficiency.lowerQuartile.toFixed(2)}–${efficiency.upperQuartile.toFixed(2)}`,
      `>= ${target}`,
      verdict(met),
      sum.toFixed(3),
    ]),
  };
}

const works: Readonly<Record<Serving['work'], string>> = {
  full: 'as fast as it answers',
  overload: 'three times as fast',
  killed: 'its process killed',
};

export function servingTable({ conditions, serving }: Measurements): Table {
  return {
    title: `gfnet serve, an image a request, ${conditions.threads} threads, ${conditions.processor}; ms from sending to the answer of what was taken in`,
    head: [
      'network',
      'requests come',
      'sent',
      'answers',
      'p50',
      'p99',
      'images/s',
      'model alone',
      'target',
      '',
    ],
    rows: serving.map(served => [
      served.network,
      works[served.work],
      String(served.sent),
      Object.entries(served.statuses)
        .map(([status, count]) => `${count} x ${status === '0' ? 'lost' : status}`)
        .join(', '),
      served.p50.toFixed(1),
      served.p99.toFixed(1),
      served.imagesPerSecond.toFixed(0),
      served.aloneImagesPerSecond?.toFixed(0) ?? '',
      served.target,
      verdict(served.met),
    ]),
  };
}
