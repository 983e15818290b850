/** The description of the server's interface, in OpenAPI's form. */
import { programVersion } from '../checkpoint/program.js';
import { mostImages, type ServeOptions } from './options.js';

const error = {
  description: 'What is wrong, what was given, what is allowed, how to mend it.',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        required: ['error'],
        properties: {
          error: {
            type: 'object',
            required: ['problem'],
            properties: Object.fromEntries(
              ['problem', 'given', 'allowed', 'mend'].map(name => [name, { type: 'string' }]),
            ),
          },
        },
      },
    },
  },
};

const box = {
  type: 'object',
  description: 'A square of the image as the model sees it, in pixels.',
  properties: { row: { type: 'integer' }, column: { type: 'integer' }, size: { type: 'integer' } },
};

const top = {
  type: 'array',
  description: 'Likeliest classes, likeliest first.',
  items: {
    type: 'object',
    properties: { class: { type: 'integer' }, label: { type: 'string' }, probability: { type: 'number' } },
  },
};

const prediction = {
  type: 'object',
  properties: {
    class: { type: 'integer' },
    label: { type: 'string' },
    probability: { type: 'number' },
    top,
    steps: { type: 'integer' },
    boxes: { type: 'array', items: box },
    multiAdds: { type: 'number' },
    beliefs: {
      type: 'array',
      items: { type: 'object', properties: { step: { type: 'integer' }, box, top } },
    },
  },
};

const binary = { schema: { type: 'string', format: 'binary' } };
const base64 = { type: 'string', format: 'byte' };
const query = (name: string, description: string): object => ({
  name,
  in: 'query',
  description,
  schema: { type: 'number' },
});
const plain = (description: string, failures: object = {}): object => ({
  responses: { 200: { description }, ...failures },
});

/** @param guarded whether a token is asked for */
export function openApi(options: ServeOptions, guarded: boolean): object {
  const { maxBytes, maxPixels, deadline } = options;
  const guard = guarded ? { security: [{ bearer: [] }] } : {};
  const refused = guarded ? { 401: error } : {};
  return {
    openapi: '3.0.3',
    info: { title: 'gfnet', version: programVersion, description: 'Glance-and-focus image classification.' },
    ...(guarded && { components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } } }),
    paths: {
      '/predict': {
        post: {
          ...guard,
          summary: 'Classify images, looking only as often as each one needs.',
          description: `Up to ${mostImages(options)} images a request, ${maxBytes} bytes in all, ${maxPixels} pixels each, without Content-Encoding; answered within ${deadline} ms of its arrival, or with 504.`,
          parameters: [
            query('threshold', 'Confidence at which an image is answered, above 0, up to 1.'),
            {
              ...query('budget', 'Instead of a threshold: what an image may cost on average.'),
              schema: { type: 'string' },
              examples: { multiAdds: { value: '12M' }, time: { value: '8ms' } },
            },
            query('topK', 'How many classes to list.'),
          ],
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: {
                  oneOf: [
                    { type: 'object', required: ['image'], properties: { image: base64 } },
                    {
                      type: 'object',
                      required: ['images'],
                      properties: { images: { type: 'array', items: base64 } },
                    },
                  ],
                },
              },
              'multipart/form-data': {
                schema: {
                  type: 'object',
                  properties: { image: { type: 'array', items: { type: 'string', format: 'binary' } } },
                },
              },
              'image/*': binary,
              'application/octet-stream': binary,
            },
          },
          responses: {
            200: {
              description: 'For each image, in order, its prediction, or why it has none.',
              content: {
                'application/json': {
                  schema: {
                    type: 'object',
                    properties: {
                      predictions: { type: 'array', items: { oneOf: [prediction, { type: 'object' }] } },
                    },
                  },
                },
              },
            },
            ...refused,
            ...Object.fromEntries([400, 413, 415, 422, 500, 503, 504].map(code => [code, error])),
          },
        },
      },
      '/livez': { get: plain('The process answers.') },
      '/readyz': {
        get: plain('The model is loaded, and requests are taken.', { 503: { description: 'Otherwise.' } }),
      },
      '/metrics': { get: { ...guard, ...plain('For Prometheus.', refused) } },
    },
  };
}
