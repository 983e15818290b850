/**
 * Trains a stage into OUT, going on where OUT is a run already; prints a line when it begins, after each batch and after each
 * epoch. Arguments: a JSON object of stage, out, from, seed and config.
 */
import { existsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { startEngine } from '../../../src/engine/start.js';
import { TrainConfig } from '../../../training/config.js';
import type { StageOptions } from '../../../training/run-stage.js';
import { runStage } from '../../../training/run-stage.js';

const say = (what: string) => (): void => void writeSync(1, `${what}\n`);
const options = JSON.parse(process.argv[2] ?? '') as Pick<StageOptions, 'stage' | 'out' | 'from' | 'seed'> & {
  config: unknown;
};

startEngine();
say('begins')();
await runStage({
  ...options,
  config: TrainConfig.parse(options.config),
  resume: existsSync(join(options.out, 'config.json')),
  command: [],
  onProgress: say('batch'),
  onEpoch: say('epoch'),
});
