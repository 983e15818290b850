/** How a run came about: the commands of all that it goes on from. */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { isRun, openRun } from '../checkpoint/run-folder.js';
import { furthestStage } from '../predict/load.js';

/** The runs of static networks that lie beside the run which `given` names: its folder, or one made by gfnet train all. */
export function staticsBeside(given: string): string[] {
  const folder = furthestStage(given) === given ? dirname(given) : given;
  return readdirSync(folder)
    .filter(name => name.startsWith('static'))
    .map(name => join(folder, name))
    .filter(isRun);
}

/** In their order, each once: those of the runs that `run` goes on from or was taught by, where they still lie, its own, and those of `statics`. */
export function trainingCommands(run: string, statics: readonly string[]): string[] {
  return [...new Set([...lineage(run), ...statics].map(path => openRun(path).command.join(' ')))];
}

/** @param before runs that are in it already */
function lineage(run: string, before: readonly string[] = []): string[] {
  if (before.includes(run)) return [];
  const from = origin(run);
  const earlier = [...(from === undefined ? [] : [from]), ...teachers(run)];
  return [...earlier.flatMap(path => lineage(path, [...before, run])), run];
}

const Taught = z.object({ teachers: z.array(z.string()) });

/** The runs whose models taught it: what the configuration says of its stage. */
function teachers(run: string): string[] {
  const { config } = openRun(run);
  const { data } = Taught.safeParse(typeof config.stage === 'string' && config[config.stage]);
  return (data?.teachers ?? []).flatMap(path => found(run, [furthestStage(path)]) ?? []);
}

/** What a command of `gfnet train` gives as --from. */
export function startOf(command: readonly string[]): string | undefined {
  const at = command.findIndex(word => /^--from(=|$)/.test(word));
  return at < 0 ? undefined : (/=(.*)$/.exec(command[at] ?? '')?.[1] ?? command[at + 1]);
}

/** The run that `run` started from: of `gfnet train all` the stage before, else what --from names, there or moved along with it. */
function origin(run: string): string | undefined {
  const { command } = openRun(run);
  const beside = stages.indexOf(basename(run));
  if (command.includes('all') && beside > 0) return join(dirname(run), stages[beside - 1] ?? '');
  const from = startOf(command);
  if (from === undefined) return undefined;
  // A folder that gfnet train all made stands for the stage in it that this one starts from.
  const stage = stages.findIndex(name => command.includes(name));
  const within = stages.slice(Math.max(0, stage - 1), stage).map(before => join(from, before));
  return found(run, [from, ...within]);
}

/** The first of `paths` that is a run, there or, the last part of its path alone, moved along with `run`. */
function found(run: string, paths: readonly [string, ...string[]]): string | undefined {
  return [...paths, join(dirname(run), basename(paths[0]))].find(isRun);
}

const stages = ['stage1', 'stage2', 'stage3'];
