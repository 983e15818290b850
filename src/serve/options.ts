/** What a server is told. */
import { z } from 'zod';
import { parseBudget } from '../predict/budget.js';
import { threadsOfEach } from '../predict/threads.js';

/** Of a port. */
export const largestPort = 65535;
/** Milliseconds that a timer takes; it would not wait at all for more. */
export const longestTime = 2 ** 31 - 1;

export const ServeOptions = z.strictObject({
  host: z.string().default('127.0.0.1'),
  /** 0 takes any that is free. */
  port: z.int().min(0).max(largestPort).default(8080),
  /** Child processes, each with the model. */
  workers: z.int().min(1).default(1),
  /** Of each child. */
  threads: z.int().min(1).optional(),
  /** Images computed at once, at most. */
  batch: z.int().min(1).default(16),
  /** How long an image waits for others to be computed with, in milliseconds. */
  delay: z.number().min(0).max(longestTime).default(4),
  /** Images that may wait, all requests together; more are refused. */
  queue: z.int().min(1).default(256),
  /** From a request's arrival, before its body, to its answer, in milliseconds. */
  deadline: z.number().positive().max(longestTime).default(10_000),
  /** Bytes of a request. */
  maxBytes: z.int().min(1).default(20_000_000),
  /** Of an image, before it is resized. */
  maxPixels: z.int().min(1).default(50_000_000),
  /** Of a request. */
  maxImages: z.int().min(1).default(16),
});
export type ServeOptions = z.infer<typeof ServeOptions>;

/** Images that one request may hold: more than the queue takes would never be computed. */
export function mostImages({ maxImages, queue }: ServeOptions): number {
  return Math.min(maxImages, queue);
}

/** Threads of each child: the cores divided among them. */
export function threadsOf({ threads, workers }: ServeOptions): number {
  return threads ?? threadsOfEach(workers);
}

const text = z.string().trim().min(1);

/** What a request may ask for in its query; values are text there. */
export const RequestOptions = z
  .strictObject({
    threshold: text.transform(Number).pipe(z.number().gt(0).max(1)).optional(),
    budget: text
      .transform((text, context) => {
        const budget = parseBudget(text);
        if (budget === undefined) context.addIssue('Multi-Adds such as 12M, or milliseconds such as 8ms');
        return budget ?? z.NEVER;
      })
      .optional(),
    topK: text.transform(Number).pipe(z.int().min(1)).optional(),
  })
  .refine(({ threshold, budget }) => threshold === undefined || budget === undefined, {
    error: 'a threshold and a budget exclude each other',
  });
export type RequestOptions = z.infer<typeof RequestOptions>;

/** A request in JSON: images as base64, each yet to be checked. */
export const JsonBody = z
  .strictObject({ image: z.unknown().optional(), images: z.array(z.unknown()).optional() })
  .refine(({ image, images }) => (image === undefined) !== (images === undefined), {
    error: 'either an image or images',
  })
  .transform(({ image, images }) => images ?? [image]);

export const Base64 = z.base64({ error: 'not base64' }).min(1, { error: 'empty' });
