/** Runs a model over a set with its own policy, or with another way to choose places. */
import { InvalidArgumentError } from 'commander';
import type { Dataset } from '../data/dataset.js';
import { didYouMean } from '../errors/did-you-mean.js';
import { policyNames, type PolicyName } from '../evaluation/index.js';
import { anytimeGFNet, oracle, type Locator, type LocatorName } from '../model/locators.js';
import type { SetOutputs } from '../model/outputs.js';
import { evaluationBatch, outputsOf } from '../model/outputs.js';
import { Runner } from '../model/runner.js';
import type { LoadedGFNet } from '../predict/load.js';
import { countingProgress } from './progress.js';

/** Places on a side of the oracle's grid. */
export const oracleGrid = 5;

/** Images that the oracle takes at once: it sees each place of its grid of all of them, which are to take 8 MB. */
function oracleBatch({ patch, channels }: LoadedGFNet['gfnet']['config']): number {
  return Math.max(1, Math.min(50, Math.floor(2 ** 21 / (oracleGrid ** 2 * patch ** 2 * channels))));
}

/** `random,centre` -> names; the learned policy is always measured. */
export function parsePolicies(text: string): PolicyName[] {
  const others = policyNames.filter(name => name !== 'learned');
  if (text === 'all') return others;
  const names = text.split(',').map(name => name.trim());
  const unknown = names.find(name => !policyNames.some(known => known === name));
  if (unknown === undefined) return others.filter(name => names.includes(name));
  throw new InvalidArgumentError(
    `unknown: ${unknown}${didYouMean(unknown, policyNames)}; there are ${policyNames.join(', ')}, and all`,
  );
}

/** One set after the other through one runner; `name` is shown with the progress. */
export async function lookAtAll(
  loaded: LoadedGFNet,
  datasets: readonly Dataset[],
  name: string,
  limit: number,
): Promise<SetOutputs[]> {
  const { gfnet, costs, variables } = loaded;
  const model = anytimeGFNet(gfnet, costs, () => variables, 'learned');
  const runner = new Runner(model);
  const progress = countingProgress(name);
  const found: SetOutputs[] = [];
  try {
    for (const [i, dataset] of datasets.entries()) {
      const onImages = (done: number, total: number): void => {
        progress.update(i * total + done, datasets.length * total);
      };
      found.push(await outputsOf(model, dataset, { runner, limit, onImages }));
    }
    return found;
  } finally {
    progress.stop();
    runner.dispose();
  }
}

export async function lookAt(
  loaded: LoadedGFNet,
  locator: LocatorName | Locator,
  dataset: Dataset,
  name: string = dataset.name,
): Promise<SetOutputs> {
  const { gfnet, costs, variables } = loaded;
  const model = anytimeGFNet(gfnet, costs, () => variables, locator);
  const runner = new Runner(model);
  const progress = countingProgress(name);
  const most = evaluationBatch(dataset.shape);
  const batchSize = typeof locator === 'string' ? most : Math.min(most, oracleBatch(gfnet.config));
  try {
    return await outputsOf(model, dataset, { runner, batchSize, onImages: progress.update });
  } finally {
    progress.stop();
    runner.dispose();
  }
}

/** The outputs of each of `names` on the images of `learned`, which gives the oracle its labels. */
export async function otherPolicies(
  loaded: LoadedGFNet,
  names: readonly PolicyName[],
  test: Dataset,
  learned: SetOutputs,
): Promise<Partial<Record<PolicyName, SetOutputs>>> {
  const found: Partial<Record<PolicyName, SetOutputs>> = {};
  for (const name of names) {
    const locator = name === 'oracle' ? oracle(learned.labels, oracleGrid) : name;
    found[name] = await lookAt(loaded, locator, test, `${name}, ${test.name}`);
  }
  return found;
}
