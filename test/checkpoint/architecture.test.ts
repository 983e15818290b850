import { expect, it } from 'vitest';
import { requireArchitecture } from '../../src/checkpoint/architecture.js';
import { loadCheckpoint, saveCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { CheckpointError } from '../../src/errors/index.js';
import { errorOf } from '../helpers/error-of.js';
import { temporaryFolder, versionContent } from './support.js';

const { architecture, ...content } = versionContent(1);

function checkpoint() {
  return loadCheckpoint(saveCheckpoint(temporaryFolder(), 'best', { ...content, architecture }), 'best');
}

it('accepts the architecture of the checkpoint, in any order of its fields', () => {
  requireArchitecture(checkpoint(), architecture, { steps: 4, encoder: { widths: [16, 32], name: 'small' } });
});

it('lists every path at which they differ', () => {
  const wanted = { encoder: { name: 'small', widths: [16, 48, 64] }, steps: '4', hidden: null };
  const error = errorOf(() => requireArchitecture(checkpoint(), architecture, wanted));
  expect(error).toBeInstanceOf(CheckpointError);
  expect(error.explanation).toMatchObject({
    problem: expect.stringMatching(/best\.json is of another architecture$/) as string,
    given: 'encoder.widths.1 = 32, encoder.widths.2 = absent, steps = 4, hidden = absent',
    allowed: 'encoder.widths.1 = 48, encoder.widths.2 = 64, steps = "4", hidden = null',
  });
});

it('tells an object from a list and from a value', () => {
  const wanted = { encoder: { name: 'small', widths: { 0: 16, 1: 32 } }, steps: [4] };
  expect(errorOf(() => requireArchitecture(checkpoint(), architecture, wanted)).explanation.given).toBe(
    'encoder.widths = [16,32], steps = 4',
  );
});
