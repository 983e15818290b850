/** The command line: one file a command. */
import { Command } from 'commander';
import { z } from 'zod';
import { programVersion } from '../checkpoint/program.js';
import { EngineError, exitCodes, GFNetError, isOutOfMemory } from '../errors/index.js';
import { compareCommand } from './compare.js';
import { dataCommand } from './data.js';
import { demoCommand } from './demo.js';
import { doctorCommand } from './doctor.js';
import { evaluateCommand } from './evaluate.js';
import { exportCommand } from './export.js';
import { importCommand } from './import.js';
import { modelsCommand } from './models.js';
import { watchStandardStreams } from './output.js';
import { packageCommand } from './package.js';
import { predictCommand } from './predict.js';
import { profileCommand } from './profile.js';
import { serveCommand } from './serve.js';
import { setupCommand } from './setup.js';
import { trainCommand } from './train.js';
import { watchCommand } from './watch.js';

const program = new Command('gfnet')
  .description('Glance-and-focus image classification: trains in three stages, evaluates, predicts.')
  .version(programVersion)
  .showHelpAfterError('(gfnet --help lists the commands)')
  .showSuggestionAfterError()
  .addCommand(dataCommand())
  .addCommand(trainCommand())
  .addCommand(watchCommand())
  .addCommand(compareCommand())
  .addCommand(evaluateCommand())
  .addCommand(predictCommand())
  .addCommand(packageCommand())
  .addCommand(exportCommand())
  .addCommand(serveCommand())
  .addCommand(demoCommand())
  .addCommand(importCommand())
  .addCommand(modelsCommand())
  .addCommand(profileCommand())
  .addCommand(setupCommand())
  .addCommand(doctorCommand());

for (const command of [
  program,
  ...program.commands,
  ...program.commands.flatMap(({ commands }) => commands),
]) {
  command.exitOverride(error => {
    process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.badInput);
  });
}

watchStandardStreams();
try {
  await program.parseAsync();
} catch (cause) {
  const error = isOutOfMemory(cause) ? outOfMemory(cause) : cause;
  if (error instanceof GFNetError) {
    process.stderr.write(`${error.message}\n${causeOf(error)}`);
    process.exitCode = error.exitCode;
  } else {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = exitCodes.unexpected;
  }
}

/** Outside a compiled step, which says so itself. */
function outOfMemory(cause: Error): EngineError {
  return new EngineError({
    problem: 'memory does not suffice for this network on images of this size',
    given: /shape ?\[[\d,]*\]/.exec(cause.message)?.[0] ?? cause.message,
    mend: 'make the images smaller (--side, data.side, data.canvas), the network (network.encoder, network.classifier.hidden, network.policy.hidden), or batches (--batch, batchSize)',
    cause,
  });
}

/** A line of what lies behind an error, where its message does not say that. */
function causeOf({ message, cause }: GFNetError): string {
  if (!(cause instanceof Error)) return '';
  const [line = ''] = (cause instanceof z.ZodError ? z.prettifyError(cause) : cause.message).split('\n');
  return message.includes(line) ? '' : `  cause:   ${line}\n`;
}
