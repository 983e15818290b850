/** From a checkpoint to a model that answers. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { hasCheckpoint, loadCheckpoint } from '../checkpoint/checkpoint.js';
import { toEngine } from '../checkpoint/tensors.js';
import type { Tensors } from '../engine/gradients.js';
import { disposeTree } from '../engine/tensor-tree.js';
import { CheckpointError, UsageError } from '../errors/index.js';
import type { AnytimeModel } from '../model/anytime.js';
import { ModelConfig } from '../model/config.js';
import { GFNet } from '../model/gfnet.js';
import type { Costs } from '../model/gfnet.js';
import { StaticNetwork } from '../model/static.js';
import type { Variables } from '../nn/scope.js';

export interface LoadedGFNet {
  readonly gfnet: GFNet;
  readonly costs: Costs;
  readonly variables: Variables;
  readonly checkpoint: Checkpoint;
}

/** The folder of the furthest stage in a folder that `gfnet train all` made; any other path as it is. */
export function furthestStage(path: string): string {
  if (existsSync(join(path, 'config.json'))) return path;
  const stage = ['stage3', 'stage2', 'stage1'].find(name => existsSync(join(path, name, 'config.json')));
  return stage === undefined ? path : join(path, stage);
}

function parseArchitecture<T>(schema: z.ZodType<T>, { path, manifest }: Checkpoint): T {
  const parsed = schema.safeParse(manifest.architecture);
  if (parsed.success) return parsed.data;
  throw new CheckpointError({
    problem: `${path} describes a network that this program does not know`,
    given: z.prettifyError(parsed.error),
    mend: 'use the version of the program that wrote it',
  });
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

/**
 * @param path a run folder, a folder of runs made by `gfnet train all`, a packaged model, or a checkpoint's .json file
 * @throws CheckpointError when it is missing, damaged, or not of a GFNet
 */
export function loadGFNet(path: string): LoadedGFNet {
  const checkpoint = loadCheckpoint(furthestStage(path), hasCheckpoint(path, 'model') ? 'model' : 'last');
  if (checkpoint.manifest.stage === 'static') {
    throw new UsageError({
      problem: 'a static network takes no looks, so it is none that glances and focuses',
      given: checkpoint.path,
      mend: 'give the run of a stage; gfnet evaluate compares it with static networks by --static',
    });
  }
  const gfnet = new GFNet(parseArchitecture(ModelConfig, checkpoint));
  const { variables, costs } = gfnet.initialise('zeros');
  return { gfnet, costs, variables: takeVariables(checkpoint, variables), checkpoint };
}

/** A static network's run. */
export function loadStatic(path: string): { model: AnytimeModel; input: number } {
  const checkpoint = loadCheckpoint(path, 'last');
  const schema = ModelConfig.safeExtend({ input: z.int().min(1) });
  const { input, ...config } = parseArchitecture(schema, checkpoint);
  const network = new StaticNetwork(config, input);
  const { variables: fresh, multiAdds } = network.initialise('zeros');
  const variables = takeVariables(checkpoint, fresh);
  return { model: network.anytime(() => variables, multiAdds), input };
}
