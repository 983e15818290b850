/** A data set's first images. */
import { nameIn, type Dataset, type Splits } from './dataset.js';

/** `images` of each set at most. */
export function limited(splits: Splits, images: number): Splits {
  const first = (set: Dataset): Dataset => ({
    name: set.name,
    size: Math.min(images, set.size),
    classes: set.classes,
    shape: set.shape,
    label: set.label,
    read: (...request) => set.read(...request),
    source: index => set.source?.(index) ?? index,
    nameOf: index => nameIn(set, index),
  });
  return {
    ...splits,
    train: first(splits.train),
    validation: first(splits.validation),
    test: first(splits.test),
  };
}
