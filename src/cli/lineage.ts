/** How a run came about: the commands of all that it goes on from. */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
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

/** In their order, each once: those of the runs that `run` goes on from, where they still lie, its own, and those of `statics`. */
export function trainingCommands(run: string, statics: readonly string[]): string[] {
  const lineage: string[] = [];
  for (let at: string | undefined = run; at !== undefined && !lineage.includes(at); at = origin(at))
    lineage.unshift(at);
  return [...new Set([...lineage, ...statics].map(path => openRun(path).command.join(' ')))];
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
  return [from, ...within, join(dirname(run), basename(from))].find(isRun);
}

const stages = ['stage1', 'stage2', 'stage3'];
