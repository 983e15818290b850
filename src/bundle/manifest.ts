/** bundle.json: what an exported model is, and what its other files must be. No file is read here: pages in browsers read it too. */
// As a namespace: bundlers then leave out what is not used, such as messages in forty languages.
import * as z from 'zod';
import { BundleError } from '../errors/index.js';
import { interpolations } from '../nn/kernels.js';

export const manifestFile = 'bundle.json';

/** Where graphs keep their weights. */
export const weightsFile = 'weights.bin';

/** Raised whenever a bundle changes so that older programs would misread it. */
const schemaVersion = 3;

const share = z.number().min(0).max(1);
const fileName = z.string().regex(/^[A-Za-z0-9][\w.-]*$/);

const manifestSchema = z
  .strictObject({
    format: z.literal('gfnet-bundle'),
    schemaVersion: z.literal(schemaVersion),
    name: z.string(),
    /** In the order of the logits. */
    classes: z.array(z.string()).min(2).readonly(),
    /** What the graphs take: [n, side, side, channels], a byte each; mean and deviation are the graphs' own affair. */
    image: z.strictObject({ side: z.int().min(1), channels: z.union([z.literal(1), z.literal(3)]) }),
    /** How images become that: the short side is resized (to `side` where it is absent), and the centre cut out. */
    preprocessing: z.strictObject({
      resize: z.int().min(1).optional(),
      interpolation: z.enum(interpolations).optional(),
    }),
    /** Side of the crops, in pixels; null where none are taken. */
    patch: z.int().min(1).nullable(),
    /** In their order; steps that compute the same share a graph. Multi-Adds of each alone, for one image. */
    steps: z
      .array(z.strictObject({ graph: fileName, multiAdds: z.number().nonnegative() }))
      .min(1)
      .readonly(),
    /**
     * Choices of thresholds (one for each step) with what they gave on validation, of which a budget takes the one expected to be most accurate
     * that it can pay for; empty where the model was not evaluated.
     */
    calibration: z
      .array(
        z.strictObject({
          thresholds: z.array(z.number()).readonly(),
          accuracy: share,
          /** Absent from bundles of before it was known. */
          expected: share.exactOptional(),
          meanMultiAdds: z.number().nonnegative(),
          /** Of the images that leave at each step: what a budget of time is fitted by. */
          exitShares: z.array(share).readonly(),
        }),
      )
      .readonly(),
    /**
     * For common thresholds in the order of testing: how often sources of the validation set lost so much accuracy, [loss, count]; what
     * promises are made from. Empty where the model was not evaluated.
     */
    riskPath: z
      .array(
        z.strictObject({
          threshold: z.number(),
          losses: z.array(z.tuple([z.number(), z.int().nonnegative()]).readonly()).readonly(),
        }),
      )
      .readonly()
      .default([]),
    /** The checkpoint it was made of. */
    source: z.strictObject({ stage: z.string(), sha256: z.string() }),
    /** What it was compared with the training engine on, and by how much logits differed at most, over the largest of their step. */
    verification: z.strictObject({ images: z.array(z.string()).readonly(), difference: z.number() }),
    /** Where the graphs compute in int8: what that cost and brought, beside float32, on the machine that exported; null for float32. */
    int8: z
      .strictObject({
        /** Images whose activations the scales were chosen by, and others that it was judged on. */
        calibrated: z.int().min(1),
        judged: z.int().min(1),
        /** Of each step: share of the images that get the same answer, and accuracy of both where labels are known. */
        steps: z
          .array(
            z.strictObject({
              agreement: share,
              accuracy: z.strictObject({ float32: share, int8: share }).nullable(),
            }),
          )
          .readonly(),
        /** Time of all steps in float32 over that in int8, by the number of images in a batch. */
        speedUp: z.array(z.strictObject({ batch: z.int().min(1), ratio: z.number().positive() })).readonly(),
      })
      .nullable(),
    files: z.record(fileName, z.strictObject({ bytes: z.int().nonnegative(), sha256: z.string() })),
    created: z.iso.datetime(),
    programVersion: z.string(),
  })
  .check(({ value, issues }) => {
    for (const { path, message } of contradictions(value))
      issues.push({ code: 'custom', input: value, path: [...path], message });
  })
  .readonly();

export type BundleManifest = z.infer<typeof manifestSchema>;

type FileEntry = readonly [name: string, expected: BundleManifest['files'][string]];

/** The files that predicting reads, and what they must be. Others, such as the model card, may change. */
export function predictingFiles({
  steps,
  files,
}: Pick<BundleManifest, 'steps' | 'files'>): readonly FileEntry[] {
  const read = namesRead(steps);
  return Object.entries(files).filter(([name]) => read.has(name));
}

function namesRead(steps: BundleManifest['steps']): ReadonlySet<string> {
  return new Set([...steps.map(({ graph }) => graph), weightsFile]);
}

interface Contradiction {
  readonly path: readonly string[];
  readonly message: string;
}

/** Where one part of it does not go with another. */
function* contradictions({
  steps,
  files,
  image: { side },
  preprocessing: { resize = side },
  patch,
}: Pick<BundleManifest, 'steps' | 'files' | 'image' | 'preprocessing' | 'patch'>): Generator<Contradiction> {
  for (const name of namesRead(steps))
    if (!Object.hasOwn(files, name)) yield { path: ['files'], message: `${name} is missing` };
  if (patch !== null && patch > side)
    yield { path: ['patch'], message: `crops of ${patch} pixels, of images of ${side}` };
  if (resize < side)
    yield {
      path: ['preprocessing', 'resize'],
      message: `images are brought to ${resize} pixels, and ${side} cut out`,
    };
}

/** bundle.json without what follows from the format and from the other files. */
export type BundleFields = Omit<BundleManifest, 'format' | 'schemaVersion' | 'files'>;

/** What predicting needs of a bundle, in memory. */
export interface BundleContent {
  /** What messages call it. */
  readonly path: string;
  readonly manifest: BundleManifest;
  readonly graphs: ReadonlyMap<string, Uint8Array>;
  /** What graphs refer to by name. */
  readonly weights: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/** @param read gives a file, checked */
export async function bundleContent(
  path: string,
  manifest: BundleManifest,
  read: (name: string, expected: BundleManifest['files'][string]) => Promise<Uint8Array>,
): Promise<BundleContent> {
  const files = await Promise.all(
    predictingFiles(manifest).map(async ([name, expected]) => [name, await read(name, expected)] as const),
  );
  return {
    path,
    manifest,
    graphs: new Map(files.filter(([name]) => name !== weightsFile)),
    weights: files.filter(([name]) => name === weightsFile).map(([path, data]) => ({ path, data })),
  };
}

/** The text of bundle.json. */
export function formatManifest(fields: BundleFields, files: BundleManifest['files']): string {
  const manifest = manifestSchema.parse({ format: 'gfnet-bundle', schemaVersion, ...fields, files });
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/**
 * @param path what messages call it
 * @throws BundleError where it is none, or of a newer version
 */
export function parseManifest(text: string, path: string): BundleManifest {
  const json = parseJson(text, path);
  if (typeof json === 'object' && json !== null && 'schemaVersion' in json)
    refuseNewer(Number(json.schemaVersion), path);
  const parsed = manifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new BundleError({
    problem: `${path} is not the description of a bundle`,
    given: z.prettifyError(parsed.error),
    mend: 'export the model again',
  });
}

/** @throws BundleError where a file of the bundle is not the one that was exported; `sha256` is undefined where it cannot be known */
export function checkFile(
  path: string,
  expected: BundleManifest['files'][string],
  bytes: number,
  sha256: string | undefined,
): void {
  if (bytes === expected.bytes && (sha256 ?? expected.sha256) === expected.sha256) return;
  throw new BundleError({
    problem: `${path} is cut short or was altered`,
    given: `${bytes} bytes${sha256 === undefined ? '' : `, SHA-256 ${sha256}`}`,
    allowed: `${expected.bytes} bytes, SHA-256 ${expected.sha256}`,
    mend: 'copy the bundle again, whole',
  });
}

function refuseNewer(version: number, path: string): void {
  if (!(version > schemaVersion)) return;
  throw new BundleError({
    problem: `${path} was written by a newer version of gfnet`,
    given: `schema version ${version}`,
    allowed: `schema versions up to ${schemaVersion}`,
    mend: 'update gfnet',
  });
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BundleError({ problem: `${path} is not JSON`, mend: 'copy the bundle again, whole', cause });
  }
}
