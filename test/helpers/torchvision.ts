/** State dicts of torchvision as test/fixtures/pytorch/torchvision_names.py fills them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { TensorData } from '../../src/checkpoint/tensor-data.js';
import { encoderWeights } from './pseudo.js';

const described = z
  .record(z.string(), z.object({ network: z.string(), state: z.record(z.string(), z.array(z.number())) }))
  .parse(
    JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/pytorch/torchvision-names.json'), 'utf8')),
  );

/** Our names of the networks. */
export const torchvisionNetworks = Object.keys(described);

export function torchvisionState(ours: string): Map<string, TensorData> {
  const { network, state } = described[ours] ?? { network: '', state: {} };
  return new Map(
    Object.entries(state).map(([key, shape]): [string, TensorData] => [
      key,
      key.endsWith('num_batches_tracked')
        ? { dtype: 'int32', shape, values: new Int32Array(1) }
        : { dtype: 'float32', shape, values: encoderWeights(key, shape, `${network}/${key}`) },
    ]),
  );
}
