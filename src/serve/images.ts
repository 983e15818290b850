/** The images of a request: raw, in a form, or as base64 in JSON. */
import { buffer } from 'node:stream/consumers';
import { Busboy } from '@fastify/busboy';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { UsageError } from '../errors/index.js';
import { Base64, JsonBody } from './options.js';
import { Refused } from './reply.js';

export const formType = 'multipart/form-data';

/** Parts of a form beside its images. */
const otherParts = 16;

/** Of bodies, in their order in `/docs`. */
export const mediaTypes = `application/json, ${formType}, image/*, application/octet-stream`;

/** @throws UsageError where the body has none or is not understood; Refused where it has too many */
export async function imagesOf(
  { headers, body }: FastifyRequest,
  maxImages: number,
): Promise<readonly Uint8Array[]> {
  const type = headers['content-type'] ?? '';
  if (body === undefined) return counted([], maxImages);
  if (!(body instanceof Uint8Array)) return counted(listOf(body), maxImages).map(decoded);
  if (type.toLowerCase().startsWith(formType))
    return counted(await fromForm(body, type, maxImages + otherParts), maxImages);
  return counted(body.length === 0 ? [] : [body], maxImages);
}

/** `images`, where there are neither none nor too many. */
function counted<T>(images: readonly T[], maxImages: number): readonly T[] {
  const count = { given: String(images.length), allowed: `1 to ${maxImages}` };
  if (images.length === 0) throw new UsageError({ problem: 'the request holds no image', ...count });
  if (images.length > maxImages)
    throw new Refused(413, { problem: 'the request holds too many images', ...count });
  return images;
}

/** @param type with the boundary of parts */
async function fromForm(body: Uint8Array, type: string, parts: number): Promise<Uint8Array[]> {
  const files: Promise<Uint8Array>[] = [];
  try {
    const form = new Busboy({ headers: { 'content-type': type }, limits: { parts } });
    await new Promise((resolve, reject) => {
      form.on('file', (_, file) => {
        const content = buffer(file);
        content.catch(reject);
        files.push(content);
      });
      form.on('partsLimit', () =>
        reject(new Refused(413, { problem: 'the form has too many parts', allowed: String(parts) })),
      );
      form.on('error', reject);
      form.on('finish', resolve);
      form.end(body);
    });
  } catch (cause) {
    if (cause instanceof Refused) throw cause;
    throw new UsageError({
      problem: 'the form is damaged or cut off',
      given: cause instanceof Error ? cause.message : String(cause),
      allowed: formType,
      cause,
    });
  }
  return Promise.all(files);
}

/** What JSON lists as images. */
function listOf(body: unknown): readonly unknown[] {
  const parsed = JsonBody.safeParse(body);
  if (parsed.success) return parsed.data;
  throw notUnderstood(z.prettifyError(parsed.error));
}

function decoded(image: unknown, place: number): Uint8Array {
  const parsed = Base64.safeParse(image);
  if (parsed.success) return Buffer.from(parsed.data, 'base64');
  throw notUnderstood(`image ${place + 1}: ${parsed.error.issues[0]?.message ?? ''}`);
}

function notUnderstood(given: string): UsageError {
  return new UsageError({
    problem: 'the JSON is not understood',
    given,
    allowed: '{"image": BASE64} or {"images": [BASE64, ...]}',
  });
}
