/** Loads an exported model's graphs in Node. */
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import type { BundleContent, BundleManifest } from '../bundle/manifest.js';
import { EngineError } from '../errors/index.js';
import { OnnxRunner } from './onnx-runner.js';

export interface RuntimeOptions {
  /** Threads ONNX Runtime may use; all cores when absent. */
  readonly threads?: number;
  /** What computes, by ONNX Runtime's name for it (`cpu`, `cuda`, `coreml`, ...); `cpu` when absent. */
  readonly provider?: string;
}

/** A bundle's folder, or what its graphs are. */
export type GraphFiles = string | Pick<BundleContent, 'path' | 'graphs' | 'weights'>;

/**
 * Each session has threads of its own, which look out for work for a while after a run: those of the glance would take the cores from the
 * look that follows (up to 2.5 times the time, on two cores). They are to do so only within a run.
 */
const threadsRest = { extra: { session: { force_spinning_stop: '1' } } };

/** @throws EngineError where ONNX Runtime cannot load a graph, or knows no such provider */
export async function loadRunner(
  bundle: GraphFiles,
  { steps, image }: Pick<BundleManifest, 'steps' | 'image'>,
  options: RuntimeOptions = {},
): Promise<OnnxRunner> {
  return new OnnxRunner(await loadSessions(bundle, steps, options), image);
}

/** A session for each step; those that share a graph share one. @throws as `loadRunner` */
export async function loadSessions(
  bundle: GraphFiles,
  steps: readonly Pick<BundleManifest['steps'][number], 'graph'>[],
  { threads, provider = 'cpu' }: RuntimeOptions = {},
): Promise<InferenceSession[]> {
  const loaded = new Map<string, InferenceSession>();
  const options = {
    executionProviders: [provider],
    ...(threads !== undefined && { intraOpNumThreads: threads }),
    ...threadsRest,
  };
  try {
    for (const { graph } of steps) {
      if (!loaded.has(graph)) loaded.set(graph, await open(bundle, graph, options));
    }
  } catch (cause) {
    for (const session of loaded.values()) await session.release();
    throw new EngineError({
      problem: `ONNX Runtime cannot load ${typeof bundle === 'string' ? bundle : bundle.path}`,
      given: cause instanceof Error ? cause.message : String(cause),
      mend: 'export the model again; a provider must be one that this build of onnxruntime-node has',
      cause,
    });
  }
  return steps.flatMap(({ graph }) => loaded.get(graph) ?? []);
}

function open(
  bundle: GraphFiles,
  graph: string,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  if (typeof bundle === 'string') return InferenceSession.create(join(bundle, graph), options);
  const content = bundle.graphs.get(graph) ?? new Uint8Array();
  return InferenceSession.create(content, { ...options, externalData: bundle.weights });
}
