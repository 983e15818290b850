/** Starts TensorFlow in this process and hands out its backend. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import type { DataType, Tensor } from '@tensorflow/tfjs-core';
import { EngineError } from '../errors/index.js';
import type { Binding, OpAttribute, TensorValues } from './binding.js';
import { defaultPlace } from './setup/place.js';
import { kernelsModuleOf } from './setup/tfjs-node.js';

/** tfjs-node's backend, as far as this engine looks inside it. */
export interface NodeBackend extends tf.KernelBackend {
  binding: Binding;
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  createOutputTensor(handle: { id: number; shape: number[]; dtype: number }): Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly tf.TensorInfo[],
    outputs: number,
  ): Tensor[];
  write(values: TensorValues, shape: number[], dtype: DataType): object;
}

export interface EngineOptions {
  /** Threads TensorFlow may use; all cores when absent. */
  readonly threads?: number | undefined;
}

let started: NodeBackend | undefined;

/**
 * Loads TensorFlow (once a process) and makes it the backend of tfjs.
 * @throws EngineError when the native library is missing or does not load
 */
export function startEngine(options: EngineOptions = {}): void {
  if (started) return;
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // TensorFlow turns oneDNN on by itself only where the processor has AVX-512; with AVX2 it is twice as fast too.
  process.env.TF_ENABLE_ONEDNN_OPTS ??= '1';
  if (options.threads !== undefined) {
    process.env.TF_NUM_INTRAOP_THREADS = String(options.threads);
    process.env.TF_NUM_INTEROP_THREADS = String(options.threads);
  }
  // tfjs-node calls this function, which Node 23 removed.
  Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined });
  try {
    createRequire(import.meta.url)('@tensorflow/tfjs-node');
  } catch (cause) {
    throw new EngineError({
      problem: 'TensorFlow does not start',
      given: cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause),
      mend: 'run `npm run setup`, then `npx gfnet doctor`',
      cause,
    });
  }
  tf.enableProdMode();
  started = tf.backend() as NodeBackend;
  replaceGather(started);
  registerKernels();
}

let kernels = false;
let threads = 1;

/** Whether TensorFlow has the operations of native/kernels.cc: not with a prebuilt binding. */
export function hasKernels(): boolean {
  return kernels;
}

function registerKernels(): void {
  const file = kernelsModuleOf(defaultPlace().root);
  if (!existsSync(file)) return;
  createRequire(import.meta.url)(file);
  kernels = true;
  threads = setThreads(0);
}

/** Threads that TensorFlow has; 1 where it cannot be told how to use them. */
export function threadsInAll(): number {
  return threads;
}

/**
 * From here on each of TensorFlow's operations has so many threads, and as many run at once as there are threads.
 * @param each 0: all
 * @returns how many there are in all
 */
export function setThreads(each: number): number {
  const tensorflow = backend();
  const attributes = [{ name: 'threads', type: tensorflow.binding.TF_ATTR_INT, value: each }];
  const [count] = tensorflow.executeMultipleOutputs('GfnetThreads', attributes, [], 1) as [Tensor];
  const [all = 1] = count.dataSync();
  count.dispose();
  return all;
}

export function isStarted(): boolean {
  return started !== undefined;
}

/** The backend of the engine started by `startEngine`. */
export function backend(): NodeBackend {
  if (!started)
    throw new EngineError({ problem: 'TensorFlow is not started', mend: 'call startEngine() first' });
  return started;
}

/** Whether the binding carries our patch, so that steps can be compiled. */
export function canCompile(): boolean {
  return backend().binding.addFunction !== undefined;
}

/** tfjs-node's GatherV2 reads the indices to check them, which no graph can; TensorFlow's own op checks them itself. */
function replaceGather(backend: NodeBackend): void {
  tf.unregisterKernel('GatherV2', 'tensorflow');
  tf.registerKernel({
    kernelName: 'GatherV2',
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs }) => {
      const { x, indices } = inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
      const { axis, batchDims } = attrs as unknown as { axis: number; batchDims: number };
      return tf.tidy(() => {
        const [gathered] = backend.executeMultipleOutputs(
          'GatherV2',
          [{ name: 'batch_dims', type: backend.binding.TF_ATTR_INT, value: batchDims }],
          [x, indices, tf.scalar(axis, 'int32')],
          1,
        );
        return gathered as tf.Tensor;
      });
    },
  });
}
