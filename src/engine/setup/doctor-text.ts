/** A diagnosis as text for a terminal. */
import { megabytes } from './disk.js';
import type { Diagnosis } from './doctor.js';
import { bfloat16Units } from './simd.js';

/** One line a fact, then each problem with its mend; ends with a newline. */
export function renderDiagnosis(diagnosis: Diagnosis): string {
  const { platform, processor, memory, cache, tools, problems } = diagnosis;
  const glibc = platform.glibc === undefined ? '' : `, glibc ${platform.glibc}`;
  const facts: [string, string][] = [
    ['platform', `${platform.os}-${platform.arch}${glibc} (${supportText[platform.support]})`],
    ['node', diagnosis.node],
    ['engine', engineText(diagnosis)],
    ['compiled steps', compiledText(diagnosis)],
    ['threads', String(processor.threads)],
    ['SIMD', processor.simd.join(' ') || 'unknown'],
    ['bfloat16', bfloat16Units(processor.simd) ?? 'no units: training stays in float32'],
    ['memory', `${megabytes(memory.free)} free of ${megabytes(memory.total)}`],
    ['cache', `${cache.folder} (${megabytes(cache.bytes)})`],
    ['python', tools.python ?? 'not found'],
    ['pip', tools.pip ?? 'not found'],
    ['C++ compiler', tools.compiler ?? 'not found'],
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(16)}${value}`);
  const mends = problems.map(({ problem, mend }) => `\nproblem: ${problem}\n  mend:  ${mend}`);
  return [...lines, ...(mends.length > 0 ? mends : ['\nnothing is missing'])].join('\n') + '\n';
}

const supportText: Record<Diagnosis['platform']['support'], string> = {
  tested: 'tested',
  untested: 'should work, untested',
  none: 'the engine cannot be built here',
};

function engineText({ engine, tensorflow }: Diagnosis): string {
  if (engine.state === 'missing') return `missing: ${engine.reason}`;
  if (!tensorflow) return `TensorFlow ${engine.tensorflow} is installed but does not load`;
  return `TensorFlow ${tensorflow.version} (${engine.kind})`;
}

function compiledText({ tensorflow }: Diagnosis): string {
  const functions = tensorflow?.patchedFunctions ?? [];
  return functions.length > 0 ? `yes (${functions.join(', ')})` : 'no';
}
