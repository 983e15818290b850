/** What a thread that takes the steps of streams is told, and what it tells. */
import type { MessagePort } from 'node:worker_threads';
import type { BundleManifest } from '../bundle/manifest.js';
import type { Looked, StreamOptions } from './conveyor.js';
import type { GraphFiles, RuntimeOptions } from './onnx-node.js';

/** What it starts with. */
export interface WorkerSetting {
  readonly bundle: GraphFiles;
  /** What was found there: where it is a folder it must be so still. */
  readonly manifest: Pick<BundleManifest, 'steps' | 'image'>;
  readonly options: RuntimeOptions;
  /** A `Guard`'s. */
  readonly guard: SharedArrayBuffer;
}

/** What a thread is told but for what is of one stream: that one begins, or that it is to end. */
export type Message = Begin | 'end';

/** A stream begins, which the thread says is done once its networks are loaded. What goes through the port is of it alone; it ends when that is closed. */
export interface Begin {
  readonly port: MessagePort;
  readonly options: StreamOptions;
}

/** `put`: images one after the other, in shared memory, which must not change until it is done. */
export type Order =
  | { readonly kind: 'put'; readonly pixels: Uint8Array; readonly ids: readonly number[] }
  | { readonly kind: 'finish' };

/**
 * `done`: what was ordered first of all that is not, with all that was looked at for it: a message costs a tenth of a millisecond, most of it to wake
 * who gets it.
 */
export type Report =
  | { readonly kind: 'done'; readonly looks: readonly Looked[] }
  | { readonly kind: 'failed'; readonly error: unknown };
