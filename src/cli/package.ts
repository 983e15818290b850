/** `gfnet package`: what predicting needs of a run, in a folder to give away. */
import { copyFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command } from 'commander';
import { writeFileAtomically } from '../checkpoint/atomic.js';
import { loadCheckpoint, saveCheckpoint } from '../checkpoint/checkpoint.js';
import { programVersion } from '../checkpoint/program.js';
import { openRun } from '../checkpoint/run-folder.js';
import { readManifest } from '../checkpoint/manifest.js';
import { evaluationOf } from '../predict/calibration.js';
import { furthestStage } from '../predict/load.js';
import { renderCard } from '../report/index.js';
import { staticsBeside, trainingCommands } from './lineage.js';
import { makeNewFolder } from './new-folder.js';

export function packageCommand(): Command {
  return new Command('package')
    .description('copy what predicting needs of an evaluated run: weights, thresholds, picture, model card')
    .argument('<run>', 'a run folder, or one made by gfnet train all')
    .requiredOption('--out <folder>', 'the folder to make')
    .addHelpText('after', '\nExample:\n  gfnet package runs/demo --out digits')
    .action((path: string, { out }: { out: string }) => {
      const run = openRun(furthestStage(path));
      const checkpoint = loadCheckpoint(run.path, 'last');
      const { manifest, tensors } = checkpoint;
      const results = evaluationOf(checkpoint, 'packaging needs');
      makeNewFolder(out);
      const saved = saveCheckpoint(out, 'model', {
        ...manifest,
        kind: 'model',
        tensors: new Map(
          [...tensors].filter(([name]) => name.startsWith('parameters/') || name.startsWith('statistics/')),
        ),
      });
      const { sha256 } = readManifest(saved).tensors;
      const packaged = { ...results, model: { ...results.model, sha256 } };
      writeFileAtomically(join(out, 'results.json'), `${JSON.stringify(packaged, null, 1)}\n`);
      for (const file of ['picture.png', 'example.png']) copyFileSync(join(run.path, file), join(out, file));
      writeFileAtomically(
        join(out, 'README.md'),
        renderCard({
          name: basename(out),
          results,
          training: trainingCommands(run.path, staticsBeside(path)),
          programVersion,
        }),
      );
      process.stdout.write(`${out}: try gfnet predict IMAGE --model ${out}\n`);
    });
}
