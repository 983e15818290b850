/** A trained model as a bundle: graphs that were compared with the training engine, and all that predicting needs beside them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manifestText } from '../bundle/files.js';
import type { BundleFields, BundleManifest } from '../bundle/manifest.js';
import { manifestFile } from '../bundle/manifest.js';
import { writeFolderAtomically } from '../checkpoint/atomic.js';
import { programVersion } from '../checkpoint/program.js';
import { efficient } from '../evaluation/fit.js';
import type { Results } from '../evaluation/results.js';
import { engineRunner } from '../predict/engine.js';
import type { LoadedModel } from '../predict/load.js';
import { targetOf } from '../predict/load.js';
import { loadRunner } from '../predict/onnx-node.js';
import { exportGraphs } from './graphs.js';
import { verify } from './verify.js';

/** Images that the exported model is compared on. */
export interface Examples {
  readonly names: readonly string[];
  /** [n, side, side, channels], values in [0, 1] */
  readonly pixels: Float32Array;
}

export interface BundleContent {
  readonly manifest: BundleFields;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Writes the graphs and compares them with the engine.
 * @throws ExportError where an operation is not known in ONNX, or the graphs give something else
 */
export async function makeBundle(
  name: string,
  loaded: LoadedModel,
  results: Results | undefined,
  examples: Examples,
): Promise<BundleContent> {
  const { model, patch, checkpoint } = loaded;
  const { resize, interpolation } = targetOf(loaded);
  const { files, steps: graphs } = exportGraphs(model);
  const steps = graphs.map((graph, t) => ({ graph, multiAdds: model.multiAdds[t] ?? 0 }));
  const image = { side: model.side, channels: model.channels === 1 ? (1 as const) : (3 as const) };
  const difference = await compared(loaded, files, { steps, image }, examples);
  const choices = results ? efficient(results.choices) : [];
  return {
    files,
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
      created: new Date().toISOString(),
      programVersion,
    },
  };
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
