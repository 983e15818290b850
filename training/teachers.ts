/** Teachers: trained models whose answers stand beside the labels (knowledge distillation, Hinton et al. 2015). */
import type { Dataset } from '../src/data/dataset.js';
import { disposeTree } from '../src/engine/tensor-tree.js';
import { UsageError } from '../src/errors/index.js';
import { Runner } from '../src/model/runner.js';
import type { LoadedModel } from '../src/predict/load.js';
import { loadModel } from '../src/predict/load.js';
import type { DescentConfig } from './config.js';

export class Teachers {
  private readonly runners: readonly Runner[];

  /**
   * @param models become the teachers'
   * @param share of each answer, what is theirs and not the label's
   */
  constructor(
    private readonly models: readonly LoadedModel[],
    private readonly share: number,
  ) {
    this.runners = models.map(({ model }) => new Runner(model));
  }

  /** SHA-256 of the weights of each. */
  get hashes(): string[] {
    return this.models.map(({ checkpoint }) => checkpoint.manifest.tensors.sha256);
  }

  /**
   * Targets in which what the teachers believe after their last step, the mean of their probabilities, has its share.
   * @param images [n, side, side, channels] in [0, 1]
   * @param targets [n, classes], of the labels
   */
  taught(images: Float32Array, targets: Float32Array): Float32Array {
    const { share, runners } = this;
    if (runners.length === 0) return targets;
    const result = targets.map(own => (1 - share) * own);
    for (const runner of runners) {
      const last = [...runner.run(images, [])].at(-1);
      last?.probabilities.forEach((p, i) => {
        result[i] = (result[i] ?? 0) + (share / runners.length) * p;
      });
    }
    return result;
  }

  dispose(): void {
    for (const runner of this.runners) runner.dispose();
    for (const { variables } of this.models) disposeTree(variables);
  }
}

export const noTeachers = new Teachers([], 0);

const task = (classes: readonly string[], side: number, channels: number): string =>
  `${side} x ${side} x ${channels}, classes ${classes.join(', ')}`;

/** Those that the configuration names. @throws UsageError where one answers other images, or has other classes, than those to be learnt */
export function teachersOf(
  { teachers, teacherShare }: Pick<DescentConfig, 'teachers' | 'teacherShare'>,
  { classes, shape }: Pick<Dataset, 'classes' | 'shape'>,
): Teachers {
  const wanted = task(classes, shape.height, shape.channels);
  const models = teachers.map(run => {
    const loaded = loadModel(run);
    const { model } = loaded;
    const given = task(model.classes, model.side, model.channels);
    if (given === wanted) return loaded;
    throw new UsageError({
      problem: 'a teacher answers other images than those to be learnt',
      given: `${run}: ${given}`,
      allowed: wanted,
      mend: 'name runs of the same images and classes in teachers',
    });
  });
  return new Teachers(models, teacherShare);
}
