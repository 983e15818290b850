/** Tries an installed binding in a process of its own. */
import { setupError } from './errors.js';
import { nativeFile, type Place } from './place.js';
import { lastLines, runProgram } from './program.js';
import { tensorflowVersion } from './targets.js';
import { jpegFile, jpegModuleOf, kernelsFile, kernelsModuleOf } from './tfjs-node.js';

/** What our patch adds to the binding. */
export const patchedFunctions = [
  'addFunction',
  'removeFunction',
  'opDefinitions',
  'enableCollectives',
  'watchPeers',
  'lostPeer',
];

export interface Check {
  readonly tensorflow: string;
  /** Names of the functions the binding has. */
  readonly functions: readonly string[];
  /** Whether the module that decodes JPEGs is there and does. */
  readonly decodesJpegs: boolean;
  /** Whether the module with kernels of ours is there, and TensorFlow computes with them. */
  readonly hasKernels: boolean;
}

/**
 * Loads tfjs-node as `place.root` resolves it and computes with it.
 * @throws EngineError when it does not load, or 1 + 2 is not 3
 */
export async function checkBinding(place: Place): Promise<Check> {
  const env = { ...place.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  const run = await runProgram(
    process.execPath,
    [nativeFile('check.mjs'), place.root, jpegModuleOf(place.root), kernelsModuleOf(place.root)],
    { env },
  );
  const found =
    run?.code === 0 ? (JSON.parse(run.stdout.trimEnd().split('\n').at(-1) ?? '') as Answer) : undefined;
  if (found?.sum === 3) {
    const { tensorflow, functions, level, hardSwish } = found;
    return { tensorflow, functions, decodesJpegs: level === 200, hasKernels: hardSwish === 3 };
  }
  throw setupError({
    problem: 'the binding is there, but TensorFlow does not compute with it',
    given:
      run?.signal === 'SIGILL'
        ? 'SIGILL: this processor lacks AVX, which TensorFlow needs'
        : lastLines(run?.output ?? ''),
    mend: `remove ${place.cache} and run \`gfnet setup\` again`,
  });
}

interface Answer extends Pick<Check, 'tensorflow' | 'functions'> {
  readonly sum: number;
  /** 200, or null where there is no module to decode it. */
  readonly level: number | null;
  /** Of 3: 3, or null where there is no module to compute it. */
  readonly hardSwish: number | null;
}

/**
 * The same for the binding we build: it must be over the pinned TensorFlow and carry our patch.
 * @throws EngineError when it does not
 */
export async function checkBuiltBinding(place: Place): Promise<void> {
  const { tensorflow, functions, decodesJpegs, hasKernels } = await checkBinding(place);
  const missing = patchedFunctions.filter(name => !functions.includes(name));
  if (!decodesJpegs) missing.push(jpegFile);
  if (!hasKernels) missing.push(kernelsFile);
  if (tensorflow === tensorflowVersion && missing.length === 0) return;
  throw setupError({
    problem: 'the binding that was built is not the one that is loaded',
    given: `TensorFlow ${tensorflow}${missing.length > 0 ? ` without ${missing.join(', ')}` : ''}`,
    allowed: `TensorFlow ${tensorflowVersion} with ${patchedFunctions.join(', ')}`,
    mend: `remove ${place.cache} and run \`gfnet setup\` again`,
  });
}
