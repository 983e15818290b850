/** What this machine has for training and what it lacks. */
import { availableParallelism, freemem, totalmem } from 'node:os';
import { GFNetError } from '../../errors/index.js';
import { checkBinding, patchedFunctions } from './check.js';
import { findCompiler } from './compile.js';
import { folderBytes } from './disk.js';
import { glibcVersion } from './host.js';
import { defaultPlace, type Place } from './place.js';
import { runProgram } from './program.js';
import { python } from './python.js';
import { simdFlags } from './simd.js';
import { engineStatus, type EngineStatus } from './status.js';
import { targetFor } from './targets.js';

export interface Diagnosis {
  readonly platform: {
    readonly os: string;
    readonly arch: string;
    /** Absent where the C library is not glibc. */
    readonly glibc?: string;
    readonly support: 'tested' | 'untested' | 'none';
  };
  readonly node: string;
  readonly engine: EngineStatus;
  /** Found by loading the engine; absent when it is missing or does not load. */
  readonly tensorflow?: {
    readonly version: string;
    /** The functions of our patch that the binding has; all three are needed to compile steps. */
    readonly patchedFunctions: readonly string[];
  };
  readonly processor: { readonly threads: number; readonly simd: readonly string[] };
  /** Bytes. */
  readonly memory: { readonly total: number; readonly free: number };
  readonly cache: { readonly folder: string; readonly bytes: number };
  /** What each says of its version; `null` when it is not found. They are needed only to set the engine up. */
  readonly tools: {
    readonly python: string | null;
    readonly pip: string | null;
    readonly compiler: string | null;
  };
  readonly problems: readonly Problem[];
}

interface Problem {
  readonly problem: string;
  readonly mend: string;
}

/** Looks at everything, and loads the engine in a process of its own when it is there. */
export async function diagnose(place: Place = defaultPlace()): Promise<Diagnosis> {
  const { os, arch, musl } = place.host;
  const glibc = os === 'linux' && !musl ? glibcVersion() : undefined;
  const engine = engineStatus(place);
  const { tensorflow, failure } = await tryEngine(engine, place);
  const tools = await findTools(place.env);
  const target = musl ? undefined : targetFor(place.host);
  return {
    platform: {
      os,
      arch,
      ...(glibc === undefined ? {} : { glibc }),
      support: target ? (target.tested ? 'tested' : 'untested') : 'none',
    },
    node: process.version,
    engine,
    ...(tensorflow ? { tensorflow } : {}),
    processor: { threads: availableParallelism(), simd: await simdFlags(os) },
    memory: { total: totalmem(), free: freemem() },
    cache: { folder: place.cache, bytes: await folderBytes(place.cache) },
    tools,
    problems: [
      ...engineProblems(engine),
      ...failure,
      ...(engine.state === 'missing' ? toolProblems(tools) : []),
    ],
  };
}

async function tryEngine(
  engine: EngineStatus,
  place: Place,
): Promise<{ tensorflow?: Diagnosis['tensorflow']; failure: Problem[] }> {
  if (engine.state === 'missing') return { failure: [] };
  try {
    const { tensorflow, functions } = await checkBinding(place);
    const patched = patchedFunctions.filter(name => functions.includes(name));
    return { tensorflow: { version: tensorflow, patchedFunctions: patched }, failure: [] };
  } catch (error) {
    if (!(error instanceof GFNetError)) throw error;
    const { problem, given = '', mend = '' } = error.explanation;
    return { failure: [{ problem: `${problem}: ${given}`, mend }] };
  }
}

async function findTools(env: NodeJS.ProcessEnv): Promise<Diagnosis['tools']> {
  const [pythonVersion, pip, compiler] = await Promise.all([
    versionLine(python, ['--version'], env),
    versionLine(python, ['-m', 'pip', '--version'], env),
    findCompiler(env),
  ]);
  return { python: pythonVersion, pip, compiler: compiler?.version ?? null };
}

async function versionLine(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<string | null> {
  const run = await runProgram(command, args, { env });
  return run?.code === 0 ? (run.stdout.split('\n')[0] ?? null) : null;
}

function engineProblems(engine: EngineStatus): Problem[] {
  if (engine.state === 'missing') {
    return [{ problem: `the engine is not ready: ${engine.reason}`, mend: 'run `gfnet setup`' }];
  }
  if (engine.kind === 'built') return [];
  return [
    {
      problem: 'the engine is prebuilt: steps run eagerly, so training is slower',
      mend: 'run `gfnet setup`',
    },
  ];
}

function toolProblems(tools: Diagnosis['tools']): Problem[] {
  const needed = [
    { found: tools.python, problem: 'python3 is not found', mend: 'install Python 3' },
    { found: tools.pip, problem: 'python3 has no pip', mend: 'install python3-pip' },
    { found: tools.compiler, problem: 'no C++ compiler is found', mend: 'install g++ or clang++' },
  ];
  return needed.filter(({ found }) => found === null).map(({ problem, mend }) => ({ problem, mend }));
}
