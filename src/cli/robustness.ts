/** A model on images made worse: every corruption at every severity, and the same images as they are. */
import { corrupted, corruptionNames, severities } from '../data/corruptions/index.js';
import { constantsFor } from '../data/corruptions/severities.js';
import type { Dataset } from '../data/dataset.js';
import { withRobustness, type Results } from '../evaluation/index.js';
import type { LoadedGFNet } from '../predict/load.js';
import { lookAtAll } from './policy-outputs.js';

/** `most`: only the first so many test images. */
export async function measureRobustness(
  loaded: LoadedGFNet,
  test: Dataset,
  results: Results,
  most: number,
): Promise<Results> {
  const images = Math.min(most, test.size);
  const sets = [
    { corruption: 'none', severity: 0, dataset: test },
    ...corruptionNames.flatMap(corruption =>
      severities.map(severity => ({ corruption, severity, dataset: corrupted(test, corruption, severity) })),
    ),
  ];
  const outputs = await lookAtAll(
    loaded,
    sets.map(({ dataset }) => dataset),
    'corrupted images',
    images,
  );
  const { from } = constantsFor(Math.min(test.shape.height, test.shape.width));
  return withRobustness(
    results,
    from,
    images,
    outputs.map((set, i) => ({
      corruption: sets[i]?.corruption ?? '',
      severity: sets[i]?.severity ?? 0,
      outputs: set,
    })),
  );
}
