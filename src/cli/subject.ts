/** What `gfnet evaluate` is given: a model, the images to judge it on, and the folder that its results go to. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { loadLatest } from '../checkpoint/checkpoint.js';
import { isRun, openRun } from '../checkpoint/run-folder.js';
import { DataConfig } from '../data/config.js';
import type { Dataset } from '../data/dataset.js';
import { areFiles } from '../data/images/open.js';
import { openData } from '../data/open.js';
import { DataError, UsageError } from '../errors/index.js';
import { readBackground } from '../evaluation/index.js';
import { interpolations } from '../nn/kernels.js';
import type { LoadedGFNet } from '../predict/load.js';
import { furthestStage } from '../predict/load.js';
import { readData, type ConfigOptions } from './config.js';
import { staticsBeside } from './lineage.js';

export interface SubjectOptions extends Pick<ConfigOptions, 'preset' | 'config' | 'data'> {
  readonly out?: string;
  readonly decoders?: number;
}

export interface Subject {
  /** Where its checkpoint is found. */
  readonly path: string;
  /** Where results go. */
  readonly folder: string;
  /** Of its run; a model without one has none. */
  readonly seed: number | null;
  /** What its images are, as configured. */
  readonly data: DataConfig;
  readonly validation: Dataset;
  readonly test: Dataset;
  /** Ends what prepares images in the background. */
  readonly close: () => Promise<void>;
  /** Runs of static networks that lie beside it. */
  readonly statics: readonly string[];
  /** What is known of a packaged model from before it was packaged. */
  readonly background: ReturnType<typeof readBackground>;
}

/**
 * A run is judged on its own data unless `--data`, `--preset` or `--config` names other; any other model on what they name.
 *
 * @throws UsageError for a model without data; ConfigError, DataError, RunError
 */
export function openSubject(
  given: string,
  { out, decoders, ...options }: SubjectOptions,
  tell: (notice: string) => void,
): Subject {
  const path = furthestStage(given);
  const run = isRun(path) ? openRun(path) : undefined;
  const folder = out ?? (path.endsWith('.json') ? dirname(path) : path);
  const named = (options.data ?? options.preset ?? options.config) !== undefined;
  if (!named && !run) {
    throw new UsageError({
      problem: 'not a run folder, so nothing says what images to judge it on',
      given,
      mend: 'name them with --data PATH (a folder of images or a manifest), --preset, or --config FILE (its key data)',
    });
  }
  const config = named ? preparedFor(path, readData(options)) : DataConfig.parse(run?.config.data);
  const { validation, test, notes, close } = openData(config, {
    decoders,
    onBroken: ({ explanation: { problem, given = '' } }) => {
      tell(`left out: ${given}: ${problem}`);
    },
  });
  notes?.forEach(tell);
  const results = join(path, 'results.json');
  return {
    path,
    folder,
    seed: run?.seed ?? null,
    data: config,
    validation,
    test,
    close: close ?? (() => Promise.resolve()),
    statics: run ? staticsBeside(given) : [],
    background: !run && existsSync(results) ? readBackground(readFileSync(results, 'utf8')) : undefined,
  };
}

const Prepared = z.object({
  side: z.int(),
  channels: z.union([z.literal(1), z.literal(3)]),
  resize: z.int().exactOptional(),
  interpolation: z.enum(interpolations).exactOptional(),
});

/** Image files become what the model takes, in the way that its checkpoint says unless the configuration says another. */
function preparedFor(path: string, data: DataConfig): DataConfig {
  if (!areFiles(data)) return data;
  const { side, channels, ...way } = Prepared.parse(loadLatest(path).manifest.preprocessing);
  return { ...way, ...data, side, channels };
}

/** @throws DataError where the images or classes are not those of the model */
export function requireSameTask({ gfnet }: LoadedGFNet, { test }: Subject): void {
  const { side, channels, classes } = gfnet.config;
  const { height, width, channels: given } = test.shape;
  const same = [
    height === side,
    width === side,
    given === channels,
    String(test.classes) === String(classes),
  ];
  if (same.every(Boolean)) return;
  const task = (size: string, depth: number, names: readonly string[]) =>
    `images of ${size} pixels in ${depth} channel${depth === 1 ? '' : 's'}, ${names.length} classes: ${names.slice(0, 10).join(', ')}`;
  throw new DataError({
    problem: 'these images are not what the model was trained on',
    given: task(`${height} x ${width}`, given, test.classes),
    allowed: task(`${side} x ${side}`, channels, classes),
  });
}
