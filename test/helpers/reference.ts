/** Checkpoints of the authors' code as test/fixtures/pytorch/reference.py fills them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { PyTorchValue } from '../../src/checkpoint/pytorch/index.js';
import type { TensorData } from '../../src/checkpoint/tensor-data.js';
import { encoderWeights, otherWeights } from './pseudo.js';

const shapes = z.record(z.string(), z.array(z.number()));
/** What they cost, by the name of our configuration; of those that were run also what their checkpoints hold. */
export const { networks: referenceNetworks } = z
  .object({
    networks: z.record(
      z.string(),
      z.object({
        // Of each step.
        multiAdds: z.array(
          z.object({ global: z.number(), local: z.number(), classifier: z.number(), policy: z.number() }),
        ),
        parameters: z.object({ encoder: z.number(), classifier: z.number(), policy: z.number() }),
        state: z.object({ model_state_dict: shapes, fc: shapes, policy: shapes }).optional(),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/pytorch/reference.json'), 'utf8')));
export const float = (shape: readonly number[], values: Float32Array): TensorData => ({
  dtype: 'float32',
  shape,
  values,
});

/** What the reference's checkpoint holds, its weights made from their names as reference.py makes them. */
export function referenceCheckpoint(label: string): Map<string, PyTorchValue> {
  const [, name, patch] = /^gfnet-(.+)-(\d+)-t\d$/.exec(label) ?? [];
  const { state, multiAdds } = referenceNetworks[label] ?? {};
  if (!state) throw new RangeError(label);
  const encoder = (part: string): Map<string, PyTorchValue> =>
    new Map(
      Object.entries(state.model_state_dict).map(([key, shape]) => [
        `module.${key}`,
        key.endsWith('num_batches_tracked')
          ? { dtype: 'int32', shape, values: new Int32Array(1) }
          : float(shape, encoderWeights(key, shape, `${part}/${key}`)),
      ]),
    );
  const other = (part: 'fc' | 'policy'): Map<string, PyTorchValue> =>
    new Map(
      Object.entries(state[part]).map(([key, shape]) => [
        key,
        float(shape, otherWeights(shape, `${part}/${key}`)),
      ]),
    );
  return new Map<string, PyTorchValue>([
    ['model_name', name ?? ''],
    ['patch_size', Number(patch)],
    ['flops', (multiAdds ?? []).map(parts => Object.values(parts).reduce((sum, part) => sum + part, 0))],
    ['model_prime_state_dict', encoder('model_prime_state_dict')],
    ['model_state_dict', encoder('model_state_dict')],
    ['fc', other('fc')],
    ['policy', other('policy')],
  ]);
}
