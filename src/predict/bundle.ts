/** From an exported bundle to a model that answers, without the training engine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleManifest } from '../bundle/manifest.js';
import { manifestFile, readBundle } from '../bundle/manifest.js';
import { UsageError } from '../errors/index.js';
import { commonThreshold } from '../evaluation/exits.js';
import { fitBudget } from '../evaluation/fit.js';
import { guaranteedThreshold } from '../evaluation/risk.js';
import type { RuntimeOptions } from './onnx-runner.js';
import { OnnxRunner } from './onnx-runner.js';
import type { ReadyModel, ThresholdRule } from './predictor.js';

export function isBundle(path: string): boolean {
  return existsSync(join(path, manifestFile));
}

/** @throws BundleError where it is missing or damaged; EngineError where ONNX Runtime cannot load it */
export async function openBundle(folder: string, options: RuntimeOptions = {}): Promise<ReadyModel> {
  const manifest = readBundle(folder);
  const { image, preprocessing, classes, patch, steps } = manifest;
  return {
    runner: await OnnxRunner.load(folder, manifest, options),
    target: {
      height: image.side,
      width: image.side,
      channels: image.channels,
      ...preprocessing,
    },
    classes,
    patch: patch ?? undefined,
    multiAdds: steps.map(({ multiAdds }) => multiAdds),
    thresholdsFor: rule => thresholdsFor(manifest, folder, rule),
  };
}

function thresholdsFor(manifest: BundleManifest, folder: string, rule: ThresholdRule): readonly number[] {
  const { calibration, riskPath, steps } = manifest;
  if ('budget' in rule) {
    if (calibration.length > 0) return fitBudget(calibration, rule.budget).thresholds;
  } else if (riskPath.length > 0) {
    return commonThreshold(guaranteedThreshold(riskPath, rule), steps.length);
  }
  throw new UsageError({
    problem: `a ${'budget' in rule ? 'budget' : 'guarantee'} needs thresholds, which are fitted by an evaluation`,
    given: `${folder}, exported without one`,
    mend: 'run `gfnet evaluate` on the run, and export it again; or give a threshold',
  });
}
