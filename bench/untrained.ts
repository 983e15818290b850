/** One of the paper's networks with weights as they are drawn, for what is measured whatever it answers. */
import { disposeTree } from '../src/engine/tensor-tree.js';
import type { AnytimeModel } from '../src/model/anytime.js';
import { ModelConfig } from '../src/model/config.js';
import { GFNet } from '../src/model/gfnet.js';
import { anytimeGFNet } from '../src/model/locators.js';
import { stream } from '../src/random/index.js';
import { paperConfigs } from '../training/paper.js';
import { seed } from './subject.js';

/** As the paper's networks take images of ImageNet. */
export const side = 224;

export interface Untrained {
  readonly config: ModelConfig;
  readonly model: AnytimeModel;
  readonly dispose: () => void;
}

/** @param name of a preset of the paper */
export function untrained(name: string): Untrained {
  const config = ModelConfig.parse({
    ...paperConfigs[name]?.network,
    side,
    channels: 3,
    classes: Array.from({ length: 1000 }, (_, i) => String(i)),
  });
  const gfnet = new GFNet(config);
  const { variables, costs } = gfnet.initialise(stream(seed, 'initialise'));
  const model = anytimeGFNet(gfnet, costs, () => variables, 'learned');
  return { config, model, dispose: () => disposeTree(variables) };
}
