import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPyTorch } from '../../../src/checkpoint/pytorch/index.js';
import { readSafetensors } from '../../../src/checkpoint/safetensors.js';
import { expectedValue, pytorchFile } from './fixtures.js';

const files = readdirSync(join(import.meta.dirname, '../../fixtures/pytorch-files'));
const read = (name: string) => readPyTorch(pytorchFile(name), name);

describe('what PyTorch wrote', () => {
  it.each(files.filter(name => /\.pth(\.tar)?$/.test(name) && !name.startsWith('refused')))('%s', name => {
    expect(read(name)).toEqual(expectedValue(name.split(/\W/)[0] ?? ''));
  });

  it.each(['types', 'halves'])('%s.safetensors', name => {
    const { tensors } = readSafetensors(pytorchFile(`${name}.safetensors`), name);
    expect(tensors).toEqual(expectedValue(name));
  });
});
