/** The vector instructions of this machine's processor that TensorFlow has code for. */
import { readFile } from 'node:fs/promises';
import { runProgram } from './program.js';

const ofInterest = [
  ...['sse4_2', 'avx', 'avx2', 'fma', 'avx_vnni', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'avx512_fp16'],
  ...['amx_tile', 'amx_bf16', 'amx_int8'],
  ...['asimd', 'neon', 'asimddp', 'bf16', 'i8mm', 'sve', 'sve2'],
];

/** Their names as the system gives them; empty where it gives none. */
export async function simdFlags(os: NodeJS.Platform): Promise<string[]> {
  if (os === 'linux') return flagsInCpuinfo(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''));
  if (os !== 'darwin') return [];
  const run = await runProgram('sysctl', ['hw.optional'], { env: process.env });
  return flagsInSysctl(run?.stdout ?? '');
}

/**
 * Which of the flags is of units for products of bfloat16, as oneDNN uses them on x86; undefined where there are none: training in
 * bfloat16 then takes longer than in float32.
 */
export function bfloat16Units(flags: readonly string[]): string | undefined {
  return ['amx_bf16', 'avx512_bf16'].find(flag => flags.includes(flag));
}

/** Reads the first processor's `flags` (x86) or `Features` (arm) line of /proc/cpuinfo. */
export function flagsInCpuinfo(text: string): string[] {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1] ?? '';
  return known(line.trim().split(/\s+/));
}

/** Reads lines like `hw.optional.arm.FEAT_BF16: 1`. */
export function flagsInSysctl(text: string): string[] {
  const present = [...text.matchAll(/^hw\.optional\.(\S+): 1$/gm)].map(match => match[1] ?? '');
  return known(present.map(name => name.replace(/^arm\.FEAT_/, '').toLowerCase()));
}

function known(flags: readonly string[]): string[] {
  return ofInterest.filter(flag => flags.includes(flag));
}
