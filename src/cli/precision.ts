/** `--precision`: what is asked for, where the processor is made for it. */
import type { Precision } from '../engine/precision.js';
import { bfloat16Units } from '../engine/setup/simd.js';

/**
 * The precision to train in: float32 in the place of bfloat16 where the processor has no units for it, which `onNotice` is told.
 * @param flags the processor's, see `simdFlags`
 */
export function availablePrecision(
  asked: Precision,
  flags: readonly string[],
  onNotice: (notice: string) => void,
): Precision {
  if (asked === 'float32' || bfloat16Units(flags) !== undefined) return asked;
  onNotice(
    'this processor has no units for bfloat16, so training stays in float32; --set precision=bfloat16 takes it all the same, and longer',
  );
  return 'float32';
}
