/** A trained model as a bundle: graphs that were compared with the training engine, and all that predicting needs beside them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { loadRunner } from '../predict/onnx-node.js';
import type { Graphs, Recorded } from './graphs.js';
import { encodeGraphs, recordGraphs, singleFile } from './graphs.js';
import type { Batches, Int8Report } from './int8.js';
import { compareInt8, quantiseGraphs, refuseSlower } from './int8.js';
import { verify } from './verify.js';

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
  readonly files: ReadonlyMap<string, Uint8Array>;
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
  const difference = await compared(loaded, files, { steps, image }, examples);
  const smaller = int8 && (await inInt8(recorded, image, int8));
  const choices = results ? efficient(results.choices) : [];
  const graphFiles = smaller?.files ?? files;
  return {
    files: single
      ? new Map([...graphFiles, [singleName, oneGraph(loaded, smaller?.quantised ?? recorded)]])
      : graphFiles,
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
      calibration: choices.map(({ thresholds, accuracy, meanMultiAdds, exitShares }) => ({
        thresholds,
        accuracy,
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

async function inInt8(
  recorded: Recorded,
  image: BundleManifest['image'],
  { calibration, calibrated, judging, always }: Int8Options,
): Promise<{ quantised: Recorded; files: Graphs['files']; report: Int8Report }> {
  const quantised = await quantiseGraphs(recorded, image, calibration);
  const report = { calibrated, ...(await compareInt8(recorded, quantised, image, judging)) };
  if (!always) refuseSlower(report);
  return { quantised, files: encodeGraphs(quantised).files, report };
}

function oneGraph({ model, patch }: LoadedModel, recorded: Recorded): Uint8Array {
  if (patch !== undefined) return singleFile(recorded, model, patch);
  throw new ExportError({
    problem: 'a model that takes no looks is one graph already',
    given: '--single',
    mend: 'leave it out',
  });
}

async function compared(
  { model, patch }: LoadedModel,
  files: ReadonlyMap<string, Uint8Array>,
  description: Pick<BundleManifest, 'steps' | 'image'>,
  { pixels }: Examples,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'gfnet-export-'));
  const engine = engineRunner(model);
  try {
    for (const [file, content] of files) writeFileSync(join(folder, file), content);
    const exported = await loadRunner(folder, description);
    try {
      return await verify(engine, exported, pixels, model.side - (patch ?? model.side));
    } finally {
      await exported.dispose();
    }
  } finally {
    await engine.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param folder absent or empty
 * @param extras other files of the bundle, e.g. its model card
 * @throws RunError where it cannot be written
 */
export function writeBundle(
  folder: string,
  { manifest, files }: BundleContent,
  extras: ReadonlyMap<string, Uint8Array>,
): void {
  const all = new Map([...files, ...extras]);
  const description = Buffer.from(manifestText(manifest, all));
  writeFolderAtomically(folder, new Map([...all, [manifestFile, description]]));
}
