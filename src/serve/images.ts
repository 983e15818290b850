/** The images of a request: raw, in a form, or as base64 in JSON. */
import { buffer } from 'node:stream/consumers';
import { Busboy } from '@fastify/busboy';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { UsageError } from '../errors/index.js';
import { JsonBody } from './options.js';
import { Refused } from './reply.js';

export const formType = 'multipart/form-data';

/** Parts of a form beside its images. */
const otherParts = 16;

/** @throws UsageError where the body has none or is not understood; Refused where it has too many */
export async function imagesOf(
  { headers, body }: FastifyRequest,
  maxImages: number,
): Promise<readonly Uint8Array[]> {
  const type = headers['content-type'] ?? '';
  const images =
    body instanceof Uint8Array && type.toLowerCase().startsWith(formType)
      ? await fromForm(body, type, maxImages + otherParts)
      : fromBody(body);
  const counted = { given: String(images.length), allowed: `1 to ${maxImages}` };
  if (images.length === 0) throw new UsageError({ problem: 'the request holds no image', ...counted });
  if (images.length > maxImages)
    throw new Refused(413, { problem: 'the request holds too many images', ...counted });
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

function fromBody(body: unknown): Uint8Array[] {
  if (body instanceof Uint8Array) return body.length === 0 ? [] : [body];
  const parsed = JsonBody.safeParse(body);
  if (parsed.success) return parsed.data.map(text => Buffer.from(text, 'base64'));
  throw new UsageError({
    problem: 'the body is not understood',
    given: z.prettifyError(parsed.error),
    allowed: '{"image": BASE64}, {"images": [BASE64, ...]}, an image itself, or a form with files',
  });
}
