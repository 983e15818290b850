import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { clusterOf } from '../../src/cli/cluster.js';
import { trainCommand } from '../../src/cli/train.js';
import { temporaryFolder } from '../checkpoint/support.js';

const docs = join(import.meta.dirname, '../../docs');
const folder = join(docs, 'machines');
const page = readFileSync(join(docs, 'machines.md'), 'utf8');

function documents(name: string): unknown[] {
  return parseAllDocuments(readFileSync(join(folder, name), 'utf8'), { uniqueKeys: true }).map(document => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
    return document.toJS() as unknown;
  });
}

const programs = temporaryFolder();
function program(name: string, body: string): void {
  writeFileSync(join(programs, name), `#!/bin/bash\n${body}\n`);
  chmodSync(join(programs, name), 0o755);
}
program('gfnet', 'printf "%s\\n" "$@"');

/** What a manifest's shell gives `gfnet`. */
function given(command: readonly string[], env: Readonly<Record<string, string>>): string[] {
  const [shell = '', ...args] = command;
  const PATH = [programs, process.env.PATH].join(delimiter);
  return execFileSync(shell, args, { encoding: 'utf8', env: { ...env, PATH } })
    .trim()
    .split('\n');
}

/** That `gfnet train` takes these arguments, and the workers and the task they tell. */
function understood(args: readonly string[]): { workers: readonly string[]; task: number } {
  const [name, ...rest] = args;
  expect(name).toBe('train');
  const command = trainCommand().exitOverride();
  command.parseOptions([...rest]);
  const { operands, unknown } = command.parseOptions([...rest]);
  expect([operands, unknown]).toEqual([['all'], []]);
  const options = command.opts<{ workers: string; task: number; resume: boolean; out: string }>();
  expect(options).toMatchObject({ resume: true, out: '/shared/runs/a' });
  return clusterOf(options, {}) ?? { workers: [], task: -1 };
}

const Labels = z.record(z.string(), z.string());
const Container = z.strictObject({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  ports: z.array(z.strictObject({ containerPort: z.int() })).optional(),
  resources: z.strictObject({ requests: Labels, limits: Labels }).optional(),
  volumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string() })),
});
const Pod = z
  .strictObject({
    subdomain: z.string().optional(),
    restartPolicy: z.literal('OnFailure'),
    containers: z.array(Container).length(1),
    volumes: z.array(
      z.strictObject({ name: z.string(), persistentVolumeClaim: z.strictObject({ claimName: z.string() }) }),
    ),
  })
  .refine(({ containers, volumes }) =>
    containers.every(({ volumeMounts }) =>
      volumeMounts.every(({ name }) => volumes.some(volume => volume.name === name)),
    ),
  );
const named = z.strictObject({ name: z.string() });

describe('the example manifests', () => {
  it('of Kubernetes name the pods of the Job, which a Service finds and a policy keeps to themselves', () => {
    const [service, policy, job] = documents('kubernetes.yaml');
    const { metadata, spec } = z
      .strictObject({
        apiVersion: z.literal('batch/v1'),
        kind: z.literal('Job'),
        metadata: named,
        spec: z.strictObject({
          completions: z.int(),
          parallelism: z.int(),
          completionMode: z.literal('Indexed'),
          backoffLimit: z.int(),
          template: z.strictObject({ spec: Pod }),
        }),
      })
      .parse(job);
    const selected = { 'job-name': metadata.name };
    const count = spec.completions;
    expect(spec.parallelism).toBe(count);
    const pod = spec.template.spec;
    expect(service).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: pod.subdomain },
      spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: selected },
    });
    expect(policy).toMatchObject({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      spec: {
        podSelector: { matchLabels: selected },
        ingress: [{ from: [{ podSelector: { matchLabels: selected } }] }],
      },
    });
    const { command = [], args = [], ports } = pod.containers[0] as z.infer<typeof Container>;
    const port = ports?.[0]?.containerPort;
    for (let task = 0; task < count; task++) {
      // Pods of an Indexed Job are called JOB-INDEX.
      expect(understood(given([...command, ...args], { JOB_COMPLETION_INDEX: String(task) }))).toEqual({
        workers: Array.from({ length: count }, (_, i) => `${metadata.name}-${i}.${pod.subdomain}:${port}`),
        task,
      });
    }
  });

  it('of Kubeflow Trainer name the pods of the TrainJob', () => {
    const [runtime, job] = documents('trainjob.yaml');
    const { metadata, spec } = z
      .strictObject({
        apiVersion: z.literal('trainer.kubeflow.org/v1alpha1'),
        kind: z.literal('TrainJob'),
        metadata: named,
        spec: z.strictObject({
          runtimeRef: z.strictObject({
            apiGroup: z.literal('trainer.kubeflow.org'),
            kind: z.literal('TrainingRuntime'),
            name: z.string(),
          }),
          trainer: z.strictObject({
            numNodes: z.int(),
            command: z.array(z.string()),
            args: z.array(z.string()),
            resourcesPerNode: z.strictObject({ requests: Labels }),
          }),
        }),
      })
      .parse(job);
    const { numNodes, command, args } = spec.trainer;
    const replicated = z.strictObject({
      name: z.literal('node'),
      template: z.strictObject({
        metadata: z.strictObject({
          labels: z.strictObject({ 'trainer.kubeflow.org/trainjob-ancestor-step': z.literal('trainer') }),
        }),
        spec: z.strictObject({ backoffLimit: z.int(), template: z.strictObject({ spec: Pod }) }),
      }),
    });
    z.strictObject({
      apiVersion: z.literal('trainer.kubeflow.org/v1alpha1'),
      kind: z.literal('TrainingRuntime'),
      metadata: z.strictObject({ name: z.literal(spec.runtimeRef.name) }),
      spec: z.strictObject({
        mlPolicy: z.strictObject({ numNodes: z.literal(numNodes) }),
        template: z.strictObject({
          spec: z.strictObject({ replicatedJobs: z.array(replicated).length(1) }),
        }),
      }),
    }).parse(runtime);
    for (let task = 0; task < numNodes; task++) {
      const found = understood(given([...command, ...args], { JOB_COMPLETION_INDEX: String(task) }));
      const pods = Array.from(
        { length: numNodes },
        (_, i) => `${metadata.name}-node-0-${i}.${metadata.name}:2222`,
      );
      expect(found).toEqual({ workers: pods, task });
    }
  });

  it('of Slurm names the nodes of the job', () => {
    const file = join(folder, 'slurm.sh');
    const nodes = ['n1', 'n2', 'n7', 'n8'];
    expect(readFileSync(file, 'utf8')).toContain(`#SBATCH --nodes=${nodes.length}`);
    program('scontrol', `[ "$*" = "show hostnames n[1-2,7-8]" ] && printf '%s\\n' ${nodes.join(' ')}`);
    program('srun', 'while [[ "$1" == --* ]]; do shift; done; SLURM_PROCID=2 exec "$@"');
    const env = { SLURM_JOB_NODELIST: 'n[1-2,7-8]', SLURM_CPUS_PER_TASK: '16' };
    const args = given(['bash', file], env);
    expect(args.join(' ')).toContain('--threads 16');
    expect(understood(args)).toEqual({ workers: nodes.map(node => `${node}:2222`), task: 2 });
  });
});

describe('the estimate', () => {
  it('is what its formula gives', () => {
    const rows = [...page.matchAll(/^\| `[^|]*\|(.*)\|$/gm)].map(([, cells = '']) =>
      cells.split('|').map(cell => cell.trim()),
    );
    expect(rows.length).toBeGreaterThanOrEqual(6);
    for (const [megabytes, seconds, bandwidth, ...efficiencies] of rows) {
      const [size, step, speed] = [megabytes, seconds, bandwidth].map(Number) as [number, number, number];
      expect(efficiencies).toEqual(
        [8, 64, 512].map(n => {
          const reduce = (2 * (n - 1) * size) / (n * speed) + 2 * (n - 1) * 0.0005;
          return `${Math.round((100 * step) / (step + reduce))} %`;
        }),
      );
    }
  });
});
