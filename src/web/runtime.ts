/** Loads an exported model's graphs on onnxruntime-web. */
import type { InferenceSession } from 'onnxruntime-common';
import type { BundleContent } from '../bundle/manifest.js';
import { EngineError } from '../errors/index.js';
import { OnnxRunner } from '../predict/onnx-runner.js';

export interface RuntimeOptions {
  /** Threads WebAssembly may use, where the page is cross-origin isolated; what onnxruntime-web chooses when absent. The first model decides. */
  readonly threads?: number;
  /** What computes; `wasm` when absent, which is the faster for small networks. */
  readonly provider?: 'wasm' | 'webgpu';
  /** Folder of onnxruntime-web's own files (ort-wasm-*.mjs and .wasm); where it finds them by itself when absent. */
  readonly runtime?: string | URL;
}

/** @throws EngineError where onnxruntime-web cannot be started or cannot load a graph */
export async function startRunner(
  { manifest, graphs, weights }: BundleContent,
  { threads, provider = 'wasm', runtime }: RuntimeOptions,
): Promise<OnnxRunner> {
  const sessions = new Map<string, InferenceSession>();
  try {
    const ort =
      provider === 'webgpu' ? await import('onnxruntime-web/webgpu') : await import('onnxruntime-web/wasm');
    if (threads !== undefined) ort.env.wasm.numThreads = threads;
    if (runtime !== undefined) ort.env.wasm.wasmPaths = new URL(runtime, location.href).href;
    for (const [name, graph] of graphs) {
      sessions.set(
        name,
        await ort.InferenceSession.create(graph, { executionProviders: [provider], externalData: weights }),
      );
    }
  } catch (cause) {
    for (const session of sessions.values()) await session.release();
    throw new EngineError({
      problem: `onnxruntime-web cannot load the model (${provider})`,
      given: cause instanceof Error ? cause.message : String(cause),
      mend: 'see that the server gives its .wasm and .mjs files; leave provider out where there is no WebGPU',
      cause,
    });
  }
  return new OnnxRunner(
    manifest.steps.flatMap(({ graph }) => sessions.get(graph) ?? []),
    manifest.image,
  );
}
