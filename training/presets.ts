/** Configurations by name. */
import type { TrainConfigInput } from './config.js';

function cluttered(canvas: number, clutter: number, steps: number, scale: number): TrainConfigInput {
  const epochs = (count: number): number => Math.max(1, Math.round(count * scale));
  return {
    data: { kind: 'cluttered-digits', canvas, clutter },
    network: {
      patch: 28,
      steps,
      encoder: { name: 'small' },
      classifier: { kind: 'gru' },
      policy: {},
    },
    batchSize: 128,
    stage1: { epochs: epochs(50), encoderRate: 0.1, classifierRate: 0.1 },
    stage2: { epochs: epochs(15) },
    stage3: { epochs: epochs(40), encoderRate: 0.02, classifierRate: 0.02 },
    static: { epochs: epochs(50), encoderRate: 0.1, input: canvas },
  };
}

/** Handwritten digits in clutter: 60 x 60 with 4 pieces, 100 x 100 with 8; `demo` is the first, a short run. */
export const presets: Readonly<Record<string, TrainConfigInput>> = {
  'cluttered-60': cluttered(60, 4, 4, 1),
  'cluttered-100': cluttered(100, 8, 4, 1),
  demo: cluttered(60, 4, 4, 0.2),
};
