/** The three stages' training steps and inference of the small GFNet, as contests with PyTorch. */
import type { TrainConfig } from '../training/config.js';
import { openData } from '../src/data/open.js';
import { SmallConfig } from '../src/encoders/small.js';
import type { Contest } from './speed.js';
import { createTrainer, oursOf, stages } from './subject.js';

export const works = [...stages, 'inference'] as const;
export type Work = (typeof works)[number];

const targets: Readonly<Record<Work, number | null>> = {
  stage1: 0.9,
  stage2: 1,
  stage3: 0.9,
  inference: null,
};

export function gfnetContest(work: Work, config: TrainConfig): Contest {
  const { network, batchSize: batch, data } = config;
  const splits = openData(data);
  const { widths, stem } = SmallConfig.parse(network.encoder);
  return {
    name: work,
    batch,
    target: targets[work],
    start: () => {
      const trainer = createTrainer(work === 'inference' ? 'stage2' : work, config, splits);
      return oursOf(trainer, batch, work === 'inference');
    },
    peer: {
      program: 'bench_gfnet.py',
      options: {
        stage: work.replace('stage', ''),
        canvas: splits.train.shape.height,
        patch: network.patch,
        steps: network.steps,
        widths,
        stem,
      },
    },
  };
}
