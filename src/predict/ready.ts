/** From a bundle's description and what runs it to a model that answers, in Node or in a page. */
import type { BundleManifest } from '../bundle/manifest.js';
import { UsageError } from '../errors/index.js';
import { commonThreshold } from '../evaluation/exits.js';
import { guaranteedThreshold } from '../evaluation/risk.js';
import type { ThresholdRule } from './budget.js';
import { withinBudget } from './budget.js';
import type { ReadyModel } from './predictor.js';
import type { StepRunner } from './step-runner.js';

/** @param bundle what messages call it */
export function readyModel<Image>(
  bundle: string,
  manifest: BundleManifest,
  runner: StepRunner,
  decode: ReadyModel<Image>['decode'],
): ReadyModel<Image> {
  const { image, preprocessing, classes, patch, steps } = manifest;
  return {
    runner,
    decode,
    target: {
      height: image.side,
      width: image.side,
      channels: image.channels,
      ...preprocessing,
    },
    classes,
    patch: patch ?? undefined,
    multiAdds: steps.map(({ multiAdds }) => multiAdds),
    thresholdsFor: rule => thresholdsFor(manifest, bundle, rule),
  };
}

function thresholdsFor(manifest: BundleManifest, bundle: string, rule: ThresholdRule): readonly number[] {
  const { calibration, riskPath, steps } = manifest;
  if ('budget' in rule) {
    if (calibration.length > 0) return withinBudget(calibration, rule);
  } else if (riskPath.length > 0) {
    return commonThreshold(guaranteedThreshold(riskPath, rule), steps.length);
  }
  throw new UsageError({
    problem: `a ${'budget' in rule ? 'budget' : 'guarantee'} needs thresholds, which are fitted by an evaluation`,
    given: `${bundle}, exported without one`,
    mend: 'run `gfnet evaluate` on the run, and export it again; or give a threshold',
  });
}
