/** From a bundle's description and what runs it to a model that answers, in Node or in a page. */
import type { BundleManifest } from '../bundle/manifest.js';
import { manifestFile } from '../bundle/manifest.js';
import { BundleError, UsageError } from '../errors/index.js';
import { commonThreshold } from '../evaluation/exits.js';
import { guaranteedThreshold } from '../evaluation/risk.js';
import type { ThresholdRule } from './budget.js';
import { withinBudget } from './budget.js';
import type { OnnxRunner } from './onnx-runner.js';
import type { ReadyModel } from './predictor.js';

/**
 * @param bundle what messages call it
 * @param runner disposed of where it is refused
 * @throws BundleError where the graphs take or give something else than the description says
 */
export async function readyModel<Image>(
  bundle: string,
  manifest: BundleManifest,
  runner: OnnxRunner,
  decode: ReadyModel<Image>['decode'],
): Promise<ReadyModel<Image>> {
  const difference = differenceOf(manifest, runner);
  if (difference) {
    await runner.dispose();
    throw new BundleError({
      problem: `the graphs of ${bundle} are not those that ${manifestFile} describes`,
      ...difference,
      mend: 'export the model again',
    });
  }
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

function differenceOf(
  { image: { side, channels }, classes }: BundleManifest,
  runner: OnnxRunner,
): { given: string; allowed: string } | undefined {
  for (const [what, name, shape] of [
    ['image', 'images', [side, side, channels]],
    ['classes', 'logits', [classes.length]],
  ] as const) {
    const other = runner.shapes(name).find(own => own.join() !== shape.join());
    if (other) return { given: `${what}: ${shape.join(' x ')}`, allowed: `${other.join(' x ')}, as ${name}` };
  }
  return undefined;
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
