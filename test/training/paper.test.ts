import { expect, it } from 'vitest';
import { paperConfig } from '../../training/paper.js';

it.each([
  ['resnet18', 'gru', 'bicubic', 60],
  ['densenet169', 'gru', 'bilinear', 60],
  ['regnety_1.6g', 'gru', 'bilinear', 60],
  ['mobilenetv3_small_100', 'cascade', 'bicubic', 90],
  ['efficientnet_lite0', 'cascade', 'bicubic', 30],
  ['tf_efficientnet_lite0', 'cascade', 'bicubic', 30],
] as const)('%s is trained as its family is', (name, classifier, interpolation, epochs) => {
  const { network, stage1 } = paperConfig(name, 96, 4);
  expect(network.classifier.kind).toBe(classifier);
  expect(network.interpolation).toBe(interpolation);
  expect(stage1.epochs).toBe(epochs);
});
