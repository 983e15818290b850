/** From a checkpoint to a model that answers. */
import { join } from 'node:path';
import { z } from 'zod';
import { parseArchitecture } from '../checkpoint/architecture.js';
import { isRun } from '../checkpoint/run-folder.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { loadCheckpoint, loadLatest } from '../checkpoint/checkpoint.js';
import type { ImageTarget } from '../data/dataset.js';
import { toEngine } from '../checkpoint/tensors.js';
import type { Tensors } from '../engine/gradients.js';
import { disposeTree } from '../engine/tensor-tree.js';
import { CheckpointError, UsageError } from '../errors/index.js';
import type { AnytimeModel } from '../model/anytime.js';
import { ModelConfig, StaticConfig } from '../model/config.js';
import { GFNet } from '../model/gfnet.js';
import type { Costs } from '../model/gfnet.js';
import { anytimeGFNet } from '../model/locators.js';
import { StaticNetwork } from '../model/static.js';
import { interpolations } from '../nn/kernels.js';
import type { Variables } from '../nn/scope.js';

export interface LoadedGFNet {
  readonly gfnet: GFNet;
  readonly costs: Costs;
  readonly variables: Variables;
  readonly checkpoint: Checkpoint;
}

/** The folder of the furthest stage in a folder that `gfnet train all` made; any other path as it is. */
export function furthestStage(path: string): string {
  const stages = ['stage3', 'stage2', 'stage1'].map(name => join(path, name));
  return [path, ...stages].find(isRun) ?? path;
}

/** The tensors of one group, checked against those a network of this architecture has. */
function take(tensors: Tensors, group: string, wanted: Tensors, path: string): Tensors {
  return Object.fromEntries(
    Object.entries(wanted).map(([name, { shape }]) => {
      const tensor = tensors[`${group}/${name}`];
      if (tensor?.shape.join() === shape.join()) return [name, tensor];
      throw new CheckpointError({
        problem: `${path} does not hold the network that it describes`,
        given: `${name}: ${tensor ? `[${tensor.shape.join(', ')}]` : 'missing'}`,
        allowed: `[${shape.join(', ')}]`,
      });
    }),
  );
}

function takeVariables(checkpoint: Checkpoint, fresh: Variables): Variables {
  const tensors = toEngine(checkpoint.tensors);
  const variables = {
    parameters: take(tensors, 'parameters', fresh.parameters, checkpoint.path),
    statistics: take(tensors, 'statistics', fresh.statistics, checkpoint.path),
  };
  const used = new Set(Object.values({ ...variables.parameters, ...variables.statistics }));
  for (const tensor of Object.values(tensors)) if (!used.has(tensor)) tensor.dispose();
  disposeTree(fresh);
  return variables;
}

/** A model that answers, and what it was loaded from. */
export interface LoadedModel {
  readonly model: AnytimeModel;
  /** Of the crops, in pixels; a static network takes none. */
  readonly patch: number | undefined;
  readonly variables: Variables;
  readonly checkpoint: Checkpoint;
}

const Preparation = z.object({
  resize: z.int().min(1).optional(),
  interpolation: z.enum(interpolations).optional(),
});

/** What images are brought to for a model. @throws CheckpointError where its checkpoint says what this program does not know */
export function targetOf({ model, checkpoint }: LoadedModel): ImageTarget {
  const { side, channels } = model;
  const parsed = Preparation.safeParse(checkpoint.manifest.preprocessing);
  if (!parsed.success || (parsed.data.resize ?? side) < side) {
    throw new CheckpointError({
      problem: `${checkpoint.path} prepares images in a way that this program does not know`,
      given: JSON.stringify(checkpoint.manifest.preprocessing),
      allowed: `resize: at least ${side}; interpolation: ${interpolations.join(', ')}`,
    });
  }
  return { height: side, width: side, channels: channels === 1 ? 1 : 3, ...parsed.data };
}

/**
 * @param path a run folder, a folder of runs made by `gfnet train all`, a packaged or imported model, or a checkpoint's .json file
 * @throws CheckpointError when it is missing, damaged, or describes no network of this program
 */
export function loadModel(path: string): LoadedModel {
  const checkpoint = loadLatest(furthestStage(path));
  if (checkpoint.manifest.stage === 'static') return { ...staticOf(checkpoint), patch: undefined };
  const { gfnet, costs, variables } = gfnetOf(checkpoint);
  const model = anytimeGFNet(gfnet, costs, () => variables, 'learned');
  return { model, patch: gfnet.config.patch, variables, checkpoint };
}

/** A GFNet, as `loadModel` finds it. @throws CheckpointError, and UsageError where it is a static network */
export function loadGFNet(path: string): LoadedGFNet {
  const checkpoint = loadLatest(furthestStage(path));
  if (checkpoint.manifest.stage === 'static') {
    throw new UsageError({
      problem: 'a static network takes no looks, so it is none that glances and focuses',
      given: checkpoint.path,
      mend: 'give the run of a stage; gfnet evaluate compares it with static networks by --static',
    });
  }
  return gfnetOf(checkpoint);
}

/** A static network's run. */
export function loadStatic(path: string): { model: AnytimeModel; input: number } {
  return staticOf(loadCheckpoint(path, 'last'));
}

function gfnetOf(checkpoint: Checkpoint): LoadedGFNet {
  const gfnet = new GFNet(parseArchitecture(ModelConfig, checkpoint));
  const { variables, costs } = gfnet.initialise('zeros');
  return { gfnet, costs, variables: takeVariables(checkpoint, variables), checkpoint };
}

function staticOf(checkpoint: Checkpoint): Omit<LoadedModel, 'patch'> & { input: number } {
  const config = parseArchitecture(StaticConfig, checkpoint);
  const network = new StaticNetwork(config);
  const { variables: fresh, multiAdds } = network.initialise('zeros');
  const variables = takeVariables(checkpoint, fresh);
  return { model: network.anytime(() => variables, multiAdds), input: config.input, variables, checkpoint };
}
