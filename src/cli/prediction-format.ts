/** Predictions as text for people and programs, one image at a time. */
import type { ImageError } from '../errors/index.js';
import type { Prediction } from '../predict/prediction.js';

export interface PredictionFormat {
  readonly head: string;
  prediction(image: string, prediction: Prediction, first: boolean): string;
  /** Empty where it is told elsewhere. */
  failure(image: string, error: ImageError, first: boolean): string;
  readonly tail: string;
}

export const formatNames = ['text', 'json', 'jsonl', 'csv'] as const;
export type FormatName = (typeof formatNames)[number];

const failed = (image: string, error: ImageError): object => ({ image, error: error.explanation.problem });

const text: PredictionFormat = {
  head: '',
  prediction: (image, { label, probability, steps, boxes, multiAdds }) => {
    const looked = boxes.map(({ row, column }) => `(${row}, ${column})`).join(' ');
    return `${image}: ${label} (${(100 * probability).toFixed(1)} %), ${steps} step${steps === 1 ? '' : 's'}${
      looked === '' ? '' : `, looked at ${looked}`
    }, ${(multiAdds / 1e6).toFixed(1)} M Multi-Adds\n`;
  },
  failure: () => '',
  tail: '',
};

const indented = (value: object): string => JSON.stringify(value, null, 2).replaceAll('\n', '\n  ');

const json: PredictionFormat = {
  head: '[',
  prediction: (image, prediction, first) => `${first ? '' : ','}\n  ${indented({ image, ...prediction })}`,
  failure: (image, error, first) => `${first ? '' : ','}\n  ${indented(failed(image, error))}`,
  tail: '\n]\n',
};

const jsonl: PredictionFormat = {
  head: '',
  prediction: (image, prediction) => `${JSON.stringify({ image, ...prediction })}\n`,
  failure: (image, error) => `${JSON.stringify(failed(image, error))}\n`,
  tail: '',
};

/** RFC 4180 */
const quoted = (value: string | number): string =>
  /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
const row = (...cells: readonly (string | number)[]): string => `${cells.map(quoted).join(',')}\n`;

const csv: PredictionFormat = {
  head: row('image', 'class', 'label', 'probability', 'steps', 'multiAdds', 'boxes', 'error'),
  prediction: (image, { class: index, label, probability, steps, multiAdds, boxes }) =>
    row(
      image,
      index,
      label,
      probability,
      steps,
      multiAdds,
      boxes.map(({ row, column, size }) => `${row} ${column} ${size}`).join(';'),
      '',
    ),
  failure: (image, error) => row(image, '', '', '', '', '', '', error.explanation.problem),
  tail: '',
};

export const formats: Readonly<Record<FormatName, PredictionFormat>> = { text, json, jsonl, csv };
