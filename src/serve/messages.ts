/** What the server and its child processes tell each other. */
import type { BundleContent } from '../bundle/manifest.js';
import type { Explanation } from '../errors/index.js';
import { GFNetError } from '../errors/index.js';
import type { Prediction } from '../predict/prediction.js';
import type { RequestOptions } from './options.js';

/** The first message to a child. */
export interface WorkerSetting {
  readonly bundle: BundleContent;
  readonly threads: number;
  readonly maxPixels: number;
}

/** Each further one. */
export interface Work {
  readonly id: number;
  readonly images: readonly Uint8Array[];
  readonly options: RequestOptions;
}

/** Without its cause, which does not pass from process to process. */
export type Reason = Omit<Explanation, 'cause'>;

/** What became of one image. */
export type ImageOutcome = { readonly prediction: Prediction } | { readonly problem: Reason };

/** From the child: first whether it is ready, then an answer to each work. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly problem: Reason }
  | { readonly kind: 'done'; readonly id: number; readonly outcomes: readonly ImageOutcome[] }
  /** The options do not fit the model. */
  | { readonly kind: 'refused'; readonly id: number; readonly problem: Reason };

export function reasonOf(error: unknown): Reason {
  if (!(error instanceof GFNetError))
    return { problem: error instanceof Error ? error.message : String(error) };
  const { problem, given, allowed, mend } = error.explanation;
  return {
    problem,
    ...(given !== undefined && { given }),
    ...(allowed !== undefined && { allowed }),
    ...(mend !== undefined && { mend }),
  };
}
