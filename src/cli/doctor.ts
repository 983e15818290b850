/** `gfnet doctor`: what the engine is, and what it lacks. */
import { Command } from 'commander';
import { diagnose } from '../engine/setup/doctor.js';
import { renderDiagnosis } from '../engine/setup/doctor-text.js';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('show engine, versions, threads, SIMD, memory, and what is missing')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const diagnosis = await diagnose();
      process.stdout.write(`${json ? JSON.stringify(diagnosis, null, 2) : renderDiagnosis(diagnosis)}\n`);
    });
}
