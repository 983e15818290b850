/** Which processes train together: as --workers and --task say, or TF_CONFIG in the environment. */
import { z } from 'zod';
import type { Cluster } from '../engine/collectives.js';
import { UsageError } from '../errors/index.js';

export interface ClusterOptions {
  readonly workers?: string;
  readonly task?: number;
}

const Addresses = z.array(z.string().regex(/^.+:\d+$/));
/** Of Kubeflow's TFJob and TensorFlow's own programs; `chief` is the first worker where there is one. */
const TfConfig = z.object({
  cluster: z.strictObject({ chief: Addresses.default([]), worker: Addresses.default([]) }),
  task: z.object({ type: z.enum(['chief', 'worker']), index: z.int().min(0) }),
});

/** undefined where this process trains alone. @throws UsageError */
export function clusterOf(
  { workers, task }: ClusterOptions,
  { TF_CONFIG }: NodeJS.ProcessEnv,
): Cluster | undefined {
  if (workers !== undefined) {
    return checked(
      { workers: workers.split(','), task: requireTask(task) },
      `--workers ${workers} --task ${task}`,
    );
  }
  if (task !== undefined) {
    throw new UsageError({
      problem: '--task says which of --workers this process is',
      given: `--task ${task} alone`,
      mend: 'give --workers HOST:PORT,HOST:PORT too, the same in every process',
    });
  }
  return TF_CONFIG === undefined ? undefined : checked(ofTfConfig(TF_CONFIG), `TF_CONFIG=${TF_CONFIG}`);
}

function requireTask(task: number | undefined): number {
  if (task !== undefined) return task;
  throw new UsageError({
    problem: 'which of --workers is this process?',
    given: 'no --task',
    allowed: '--task 0 in the first of them, --task 1 in the next, and so on',
  });
}

function ofTfConfig(text: string): Cluster {
  try {
    const { cluster, task } = TfConfig.parse(JSON.parse(text));
    const before = task.type === 'worker' ? cluster.chief.length : 0;
    return { workers: [...cluster.chief, ...cluster.worker], task: before + task.index };
  } catch (cause) {
    throw new UsageError({
      problem: 'the environment variable TF_CONFIG cannot be understood',
      given: text,
      allowed:
        '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}, with a chief or without',
      mend: 'unset TF_CONFIG to train alone',
      cause,
    });
  }
}

function checked(cluster: Cluster, given: string): Cluster | undefined {
  const { workers, task } = cluster;
  const fit = Addresses.safeParse(workers).success && new Set(workers).size === workers.length;
  if (!fit || task >= workers.length) {
    throw new UsageError({
      problem: 'the workers are not told apart',
      given,
      allowed: 'host:port of each worker, separated by commas, none twice; tasks are counted from 0',
    });
  }
  return workers.length === 1 ? undefined : cluster;
}
