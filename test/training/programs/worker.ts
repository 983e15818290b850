/**
 * One of several processes that train together. Arguments: the workers' addresses, joined by commas; which of them this is; a JSON list of
 * trials; the file to write their outcomes to.
 */
import { writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { joinWorkers, meet } from '../../../src/engine/collectives.js';
import { startEngine } from '../../../src/engine/start.js';
import type { Outcome, Trial } from './steps.js';
import { trainSteps } from './steps.js';

const [, , workers = '', task, trials = '[]', file = ''] = process.argv;
startEngine({ threads: 1 });
await joinWorkers({ workers: workers.split(','), task: Number(task) });
const outcomes: Outcome[] = [];
for (const trial of JSON.parse(trials) as Trial[]) outcomes.push(await trainSteps(trial));
meet();
writeFileSync(file, JSON.stringify({ outcomes, tensors: tf.memory().numTensors }));
