/** A trained model as a bundle: graphs that were compared with the training engine, and all that predicting needs beside them. */
import { manifestText } from '../bundle/files.js';
import type { BundleFields, BundleManifest } from '../bundle/manifest.js';
import { manifestFile } from '../bundle/manifest.js';
import { writeFolderAtomically } from '../checkpoint/atomic.js';
import { programVersion } from '../checkpoint/program.js';
import { ExportError } from '../errors/index.js';
import { efficient } from '../evaluation/fit.js';
import type { Results } from '../evaluation/results.js';
import { engineRunner } from '../predict/engine.js';
import type { LoadedModel } from '../predict/load.js';
import { targetOf } from '../predict/load.js';
import { loadRunner, loadSessions } from '../predict/onnx-node.js';
import { OnnxRunner } from '../predict/onnx-runner.js';
import type { Graphs, Recorded } from './graphs.js';
import { encodeGraphs, recordGraphs, singleFile } from './graphs.js';
import type { Batches, Int8Report } from './int8.js';
import { compareInt8, quantiseGraphs, refuseSlower } from './int8.js';
import { inScratch } from './scratch.js';
import { verify, verifySingle } from './verify.js';

/** Images that the exported model is compared on. */
export interface Examples {
  readonly names: readonly string[];
  /** [n, side, side, channels] */
  readonly pixels: Uint8Array;
}

/** What is asked for beside plain graphs. */
export interface BundleOptions {
  readonly int8?: Int8Options | undefined;
  /** Also all steps as one graph for one image, in a file by itself. */
  readonly single?: boolean | undefined;
}

/** The file of `single`. */
const singleName = 'single.onnx';

/** How to export in int8. */
export interface Int8Options {
  /** Images that the scales of activations are chosen by, and how many they are. */
  readonly calibration: Batches;
  readonly calibrated: number;
  /** Others, on which int8 is compared with float32. */
  readonly judging: Batches;
  /** Also where it is slower on this machine. */
  readonly always: boolean;
}

export interface BundleContent {
  readonly manifest: BundleFields;
  readonly files: Graphs['files'];
}

/**
 * Writes the graphs and compares them with the engine; then in int8 where that is asked for.
 * @throws ExportError where an operation is not known in ONNX, the graphs give something else, or int8 is slower here
 */
export async function makeBundle(
  name: string,
  loaded: LoadedModel,
  results: Results | undefined,
  examples: Examples,
  { int8, single = false }: BundleOptions = {},
): Promise<BundleContent> {
  const { model, patch, checkpoint } = loaded;
  const { resize, interpolation } = targetOf(loaded);
  const recorded = recordGraphs(model);
  const { files, steps: graphs } = encodeGraphs(recorded);
  const steps = graphs.map((graph, t) => ({ graph, multiAdds: model.multiAdds[t] ?? 0 }));
  const image = { side: model.side, channels: model.channels === 1 ? (1 as const) : (3 as const) };
  const description = { steps, image };
  const difference = await compared(loaded, files, description, examples);
  const smaller = int8 && (await inInt8(recorded, image, int8));
  const separate = smaller ?? { recorded, files };
  const choices = results ? efficient(results.choices) : [];
  return {
    files: single ? await withSingle(loaded, separate, description, examples) : separate.files,
    manifest: {
      name,
      classes: model.classes,
      image,
      preprocessing: {
        ...(resize !== undefined && { resize }),
        ...(interpolation !== undefined && { interpolation }),
      },
      patch: patch ?? null,
      steps,
      calibration: choices.map(({ thresholds, accuracy, expected, meanMultiAdds, exitShares }) => ({
        thresholds,
        accuracy,
        ...(expected !== undefined && { expected }),
        meanMultiAdds,
        exitShares,
      })),
      riskPath: results?.risk.path ?? [],
      source: { stage: checkpoint.manifest.stage, sha256: checkpoint.manifest.tensors.sha256 },
      verification: { images: examples.names, difference },
      int8: smaller?.report ?? null,
      created: new Date().toISOString(),
      programVersion,
    },
  };
}

type Described = Pick<BundleManifest, 'steps' | 'image'>;

interface Separate extends Pick<Graphs, 'files'> {
  readonly recorded: Recorded;
}

async function inInt8(
  float32: Recorded,
  image: BundleManifest['image'],
  { calibration, calibrated, judging, always }: Int8Options,
): Promise<Separate & { report: Int8Report }> {
  const recorded = await quantiseGraphs(float32, image, calibration);
  const report = { calibrated, ...(await compareInt8(float32, recorded, image, judging)) };
  if (!always) refuseSlower(report);
  return { recorded, files: encodeGraphs(recorded).files, report };
}

/** The files with all steps as one graph beside them, which was compared with them. */
async function withSingle(
  { model, patch }: LoadedModel,
  { recorded, files }: Separate,
  description: Described,
  { pixels }: Examples,
): Promise<Graphs['files']> {
  if (patch === undefined) {
    throw new ExportError({
      problem: 'a model that takes no looks is one graph already',
      given: '--single',
      mend: 'leave it out',
    });
  }
  const all = new Map([...files, [singleName, [singleFile(recorded, model, patch)]]]);
  await inScratch(all, async folder => {
    const [single, ...others] = await loadSessions(folder, [{ graph: singleName }, ...description.steps]);
    const steps = new OnnxRunner(others, description.image);
    try {
      if (single) await verifySingle(steps, single, description.image, pixels, model.side - patch);
    } finally {
      await single?.release();
      await steps.dispose();
    }
  });
  return all;
}

function compared(
  { model, patch }: LoadedModel,
  files: Graphs['files'],
  description: Described,
  { pixels }: Examples,
): Promise<number> {
  return inScratch(files, async folder => {
    const exported = await loadRunner(folder, description);
    const engine = engineRunner(model);
    try {
      return await verify(engine, exported, pixels, model.side - (patch ?? model.side));
    } finally {
      await engine.dispose();
      await exported.dispose();
    }
  });
}

/**
 * @param folder absent or empty
 * @param extras other files of the bundle, e.g. its model card
 * @throws RunError where it cannot be written
 */
export function writeBundle(
  folder: string,
  { manifest, files }: BundleContent,
  extras: Graphs['files'],
): void {
  const all = new Map([...files, ...extras]);
  const description = Buffer.from(manifestText(manifest, all));
  writeFolderAtomically(folder, new Map([...all, [manifestFile, [description]]]));
}
