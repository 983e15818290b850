import { describe, expect, it } from 'vitest';
import type { ClusterOptions } from '../../src/cli/cluster.js';
import { clusterOf } from '../../src/cli/cluster.js';
import { UsageError } from '../../src/errors/index.js';
import { errorOf } from '../helpers/error-of.js';

const environment = (cluster: object, task: object): NodeJS.ProcessEnv => ({
  TF_CONFIG: JSON.stringify({ cluster, task }),
});

describe('the workers', () => {
  it('are those of --workers and --task', () => {
    expect(clusterOf({ workers: 'one:1,[::1]:2', task: 1 }, {})).toEqual({
      workers: ['one:1', '[::1]:2'],
      task: 1,
    });
    expect(
      clusterOf({ workers: 'a:1,b:1', task: 0 }, environment({ worker: ['x:1', 'y:1'] }, {}))?.workers,
    ).toEqual(['a:1', 'b:1']);
  });

  it('are those of TF_CONFIG, the chief first', () => {
    const worker = ['a:1', 'b:2'];
    expect(clusterOf({}, environment({ worker }, { type: 'worker', index: 1 }))).toEqual({
      workers: worker,
      task: 1,
    });
    const both = { chief: ['c:3'], worker };
    const all = ['c:3', 'a:1', 'b:2'];
    expect(clusterOf({}, environment(both, { type: 'chief', index: 0 }))).toEqual({ workers: all, task: 0 });
    expect(clusterOf({}, environment(both, { type: 'worker', index: 1 }))).toEqual({ workers: all, task: 2 });
  });

  it('are none where one trains alone', () => {
    expect(clusterOf({}, {})).toBeUndefined();
    expect(clusterOf({ workers: 'a:1', task: 0 }, {})).toBeUndefined();
    expect(clusterOf({}, environment({ worker: ['a:1'] }, { type: 'worker', index: 0 }))).toBeUndefined();
  });

  it.each<[string, ClusterOptions, NodeJS.ProcessEnv]>([
    ['no task', { workers: 'a:1,b:2' }, {}],
    ['a task alone', { task: 1 }, {}],
    ['no port', { workers: 'a,b:2', task: 0 }, {}],
    ['one twice', { workers: 'a:1,a:1', task: 0 }, {}],
    ['a task too many', { workers: 'a:1,b:2', task: 2 }, {}],
    ['no JSON', {}, { TF_CONFIG: 'workers' }],
    ['parameter servers', {}, environment({ worker: ['a:1'], ps: ['b:1'] }, { type: 'worker', index: 0 })],
    ['an evaluator', {}, environment({ worker: ['a:1', 'b:1'] }, { type: 'evaluator', index: 0 })],
  ])('are refused with %s, and what is allowed is told', (_, options, env) => {
    const error = errorOf(() => clusterOf(options, env));
    expect(error).toBeInstanceOf(UsageError);
    const { allowed, mend } = error.explanation;
    expect(allowed ?? mend).toBeDefined();
  });
});
