/** Compiles the patched binding against TensorFlow's library, with the system's C++ compiler and nothing else. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { diskFull, setupError } from './errors.js';
import { nativeFile } from './place.js';
import { lastLines, runProgram, saysDiskFull } from './program.js';
import type { Target } from './targets.js';
import { jpegFile, kernelsFile, resolveFrom } from './tfjs-node.js';

const compilerFlags = ['-fPIC', '-O2', '-std=c++17', '-DNAPI_VERSION=8'];
/** As TensorFlow was compiled; without its headers' warnings; with the same bits on every processor. */
const kernelFlags = ['-O3', '-DEIGEN_MAX_ALIGN_BYTES=64', '-w', '-Wno-psabi', '-ffp-contract=off'];

export interface Compilation {
  /** Holds `binding/`. */
  readonly sources: string;
  readonly library: string;
  /** Where the binding will look for the library: a path from the binding's own folder. */
  readonly libraryFromBinding: string;
  readonly output: string;
}

const quietSource = nativeFile('quiet.cc');
const jpegSource = nativeFile('jpeg.cc');
const kernelsSource = nativeFile('kernels.cc');
/** What it includes of ours. */
const kernelsHeaders = ['activations.h', 'operations.h', 'vectors.h', 'winograd.h'].map(nativeFile);

/** What a binding of `target` is compiled with besides its own sources. */
export function ingredients({ linkerFlags, quietLibrary }: Target): string[] {
  const quiet = quietLibrary === undefined ? [] : [quietLibrary, readFileSync(quietSource, 'utf8')];
  const modules = [jpegSource, kernelsSource, ...kernelsHeaders].map(file => readFileSync(file, 'utf8'));
  return [...compilerFlags, ...kernelFlags, ...linkerFlags, ...modules, ...quiet];
}

/**
 * Compiles the binding to `output`, and beside it the module that decodes JPEGs, that with kernels of ours, and the library that silences
 * TensorFlow's loading.
 * @param root the folder node-api-headers is resolved from
 * @throws EngineError when the compiler fails
 */
export async function compileBinding(
  compiler: Compiler,
  target: Target,
  { sources, library, libraryFromBinding, output }: Compilation,
  root: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const nodeHeaders = join(dirname(resolveFrom(root, 'node-api-headers/package.json')), 'include');
  const quiet = target.quietLibrary === undefined ? [] : [join(dirname(output), target.quietLibrary)];
  for (const file of quiet) {
    await runCompiler(compiler, target, [quietSource, `-Wl,-soname,${basename(file)}`, '-ldl'], file, env);
  }
  const common = [
    ...[sources, join(library, 'include'), nodeHeaders].map(folder => `-I${folder}`),
    ...target.libraries.map(file => join(library, file)),
    `-Wl,-rpath,${target.origin}/${libraryFromBinding}`,
    // Nothing in it is referred to, and the last is the first to be initialised.
    ...quiet.flatMap(file => [`-Wl,-rpath,${target.origin}`, '-Wl,--no-as-needed', file]),
  ];
  const binding = ['tfjs_backend.cc', 'tfjs_binding.cc'].map(file => join(sources, 'binding', file));
  const modules: readonly [args: readonly string[], output: string][] = [
    [binding, output],
    [[jpegSource], join(dirname(output), jpegFile)],
    [[kernelsSource, ...kernelFlags], join(dirname(output), kernelsFile)],
  ];
  // None is left running when another fails.
  const runs = await Promise.allSettled(
    modules.map(([args, file]) => runCompiler(compiler, target, [...args, ...common], file, env)),
  );
  for (const run of runs) if (run.status === 'rejected') throw run.reason;
}

async function runCompiler(
  compiler: Compiler,
  target: Target,
  args: readonly string[],
  output: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const flags = [...compilerFlags, ...target.linkerFlags];
  const run = await runProgram(compiler.command, [...flags, ...args, '-o', output], { env });
  if (run?.code === 0) return;
  if (run && saysDiskFull(run)) throw diskFull(dirname(output));
  throw setupError({
    problem: "tfjs-node's binding does not compile",
    given: `${compiler.version}\n           ${lastLines(run?.output ?? '')}`,
    mend: 'use a compiler with C++17 (g++ 8, clang 7 or later), named in CXX',
  });
}

export interface Compiler {
  readonly command: string;
  /** The first line of what it says of itself. */
  readonly version: string;
}

/** The compiler named in CXX, else the first of the usual names that runs. */
export async function findCompiler(env: NodeJS.ProcessEnv): Promise<Compiler | undefined> {
  const candidates = env.CXX ? [env.CXX] : ['c++', 'g++', 'clang++'];
  for (const command of candidates) {
    const run = await runProgram(command, ['--version'], { env });
    if (run?.code === 0) return { command, version: run.stdout.split('\n')[0] ?? command };
  }
  return undefined;
}

/** @throws EngineError when there is none */
export async function requireCompiler(env: NodeJS.ProcessEnv): Promise<Compiler> {
  const compiler = await findCompiler(env);
  if (compiler) return compiler;
  throw setupError({
    problem: 'no C++ compiler is found',
    given: env.CXX ? `CXX=${env.CXX}` : `PATH=${env.PATH ?? ''}`,
    allowed: 'c++, g++, clang++, or one named in CXX',
    mend: 'install one: `apt install g++`, `dnf install gcc-c++` or `xcode-select --install`',
  });
}
