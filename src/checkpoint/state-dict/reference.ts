/** Checkpoints of the reference's code: four state dicts (METHOD "Reference checkpoint"). */
import { z } from 'zod';
import { CheckpointError } from '../../errors/index.js';
import type { GFNet } from '../../model/gfnet.js';
import type { Variables } from '../../nn/scope.js';
import type { PyTorchValue } from '../pytorch/index.js';
import type { StateDict } from './adopt.js';
import { adopt, asMap, asStateDict } from './adopt.js';
import type { FindCounterparts } from './names.js';
import { ofClassifier, ofEncoder, ofPolicy } from './names.js';

/** Where the reference keeps the parts of ours. */
const parts = {
  global: 'model_prime_state_dict',
  local: 'model_state_dict',
  classifier: 'fc',
  policy: 'policy',
} as const;

type Part = keyof typeof parts;

export interface ReferenceCheckpoint {
  /** As its released checkpoints say, and those of its training don't. */
  readonly network: string | undefined;
  readonly patch: number | undefined;
  readonly steps: number | undefined;
  readonly states: Readonly<Record<Part, StateDict>>;
}

const described = z.object({
  model_name: z.string().optional(),
  patch_size: z.int().optional(),
  flops: z.array(z.unknown()).optional(),
});

/** What a file holds, or undefined where it is none of the reference's. @throws CheckpointError where a part is no state dict */
export function readReference(content: PyTorchValue, source: string): ReferenceCheckpoint | undefined {
  const fields = asMap(content);
  if (!fields?.has(parts.global)) return undefined;
  const lacking = Object.values(parts).filter(key => !asMap(fields.get(key)));
  if (lacking.length > 0) {
    throw new CheckpointError({
      problem: `${source} is not a whole checkpoint of the authors' code: the first stage has no policy yet`,
      given: `no ${lacking.join(', ')}`,
      mend: 'import one of their second or third stage',
    });
  }
  const found = described.safeParse(Object.fromEntries(fields));
  if (!found.success) {
    throw new CheckpointError({
      problem: `${source} is not as the authors' code saves its checkpoints`,
      given: z.prettifyError(found.error),
    });
  }
  const { model_name, patch_size, flops } = found.data;
  const state = (part: Part): StateDict => asStateDict(fields.get(parts[part]), `${source}: ${parts[part]}`);
  return {
    network: model_name,
    patch: patch_size,
    steps: flops?.length,
    states: {
      global: state('global'),
      local: state('local'),
      classifier: state('classifier'),
      policy: state('policy'),
    },
  };
}

/**
 * The variables of `gfnet`, as the checkpoint has them; the caller frees them.
 *
 * @throws CheckpointError that lists every name that is missing, unexpected, or of another shape
 */
export function adoptReference(gfnet: GFNet, { states }: ReferenceCheckpoint, source: string): Variables {
  const { patch, policy, encoder } = gfnet.config;
  const finders: Readonly<Record<Part, FindCounterparts>> = {
    global: ofEncoder(encoder.name),
    local: ofEncoder(encoder.name),
    classifier: ofClassifier,
    policy: ofPolicy(policy, Math.ceil(patch / 32) ** 2),
  };
  return adopt(
    gfnet,
    (Object.keys(parts) as Part[]).map(part => ({
      state: states[part],
      source: `${source}: ${parts[part]}`,
      prefix: `${part}.`,
      find: finders[part],
      // The cascade always has layers for up to five looks.
      ...(part === 'classifier' && { mayRemain: /^fc_\d\./ }),
    })),
  );
}
