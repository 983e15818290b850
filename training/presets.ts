/** Configurations by name. */
import type { TrainConfigInput } from './config.js';

type Digits = Pick<
  Extract<TrainConfigInput['data'], { kind: 'cluttered-digits' }>,
  'canvas' | 'clutter' | 'canvasesPerDigit' | 'distortion'
>;

interface Schedule {
  /** Epochs of the three stages, and of the static network. */
  readonly epochs: readonly [number, number, number, number];
  /** Learning rate of stage 3, in which the local encoder first sees where the policy looks. */
  readonly rate: number;
}

function cluttered(data: Digits, widths: number[], { epochs, rate }: Schedule): TrainConfigInput {
  const [stage1, stage2, stage3, alone] = epochs;
  return {
    data: { kind: 'cluttered-digits', ...data },
    network: {
      patch: 28,
      steps: 4,
      encoder: { name: 'small', widths },
      classifier: { kind: 'gru' },
      policy: {},
    },
    batchSize: 64,
    stage1: { epochs: stage1, encoderRate: 0.05, classifierRate: 0.05 },
    stage2: { epochs: stage2 },
    stage3: { epochs: stage3, encoderRate: rate, classifierRate: rate },
    static: { epochs: alone, encoderRate: 0.05, input: data.canvas },
  };
}

/** Handwritten digits in clutter: 60 x 60 with 4 pieces, 100 x 100 with 8; `demo` is the first with a narrower network, a short run. */
export const presets: Readonly<Record<string, TrainConfigInput>> = {
  'cluttered-60': cluttered({ canvas: 60, clutter: 4, distortion: 0.15 }, [16, 32, 64], {
    epochs: [20, 8, 45, 20],
    rate: 0.05,
  }),
  'cluttered-100': cluttered({ canvas: 100, clutter: 8, distortion: 0.15 }, [16, 32, 64], {
    epochs: [20, 10, 45, 20],
    rate: 0.05,
  }),
  demo: cluttered({ canvas: 60, clutter: 4, canvasesPerDigit: 2 }, [8, 16, 32], {
    epochs: [12, 6, 10, 6],
    rate: 0.05,
  }),
};
