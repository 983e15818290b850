/** The images of a request: raw, in a form, or as base64 in JSON. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { UsageError } from '../errors/index.js';
import { JsonBody } from './options.js';

/** @throws UsageError where the body has none, too many, or is not understood */
export async function imagesOf(request: FastifyRequest, maxImages: number): Promise<Uint8Array[]> {
  const images = request.isMultipart() ? await fromForm(request) : fromBody(request.body);
  if (images.length >= 1 && images.length <= maxImages) return images;
  throw new UsageError({
    problem: images.length === 0 ? 'the request holds no image' : 'the request holds too many images',
    given: String(images.length),
    allowed: `1 to ${maxImages}`,
  });
}

async function fromForm(request: FastifyRequest): Promise<Uint8Array[]> {
  const images: Uint8Array[] = [];
  try {
    for await (const part of request.parts()) if (part.type === 'file') images.push(await part.toBuffer());
  } catch (cause) {
    // Limits are told by a status of their own; what is left is a form that cannot be parsed.
    if (cause instanceof Error && 'statusCode' in cause) throw cause;
    throw new UsageError({
      problem: 'the form is damaged or cut off',
      allowed: 'multipart/form-data',
      cause,
    });
  }
  return images;
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
