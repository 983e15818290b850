import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { BundleFields } from '../../src/bundle/manifest.js';
import { renderBundleCard } from '../../src/report/index.js';
import { hostile, resultsOf } from './results.js';

const name = `colons: "quotes" # 'and' {braces}, [brackets] — ${hostile}`;
const manifest: BundleFields = {
  name,
  classes: ['cat', 'dog'],
  image: { side: 60, channels: 1 },
  preprocessing: {},
  patch: 28,
  steps: ['glance.onnx', 'focus.onnx', 'focus.onnx'].map(graph => ({ graph, multiAdds: 9e6 })),
  calibration: [],
  riskPath: [],
  source: { stage: 'stage3', sha256: '' },
  verification: { images: ['a.png'], difference: 1e-6 },
  int8: null,
  created: '2026-01-01T00:00:00.000Z',
  programVersion: '1.2.3',
};

function headOf(card: string): unknown {
  const [before, head = ''] = card.split(/^---$/m);
  expect(before).toBe('');
  return parse(head, { uniqueKeys: true, strict: true });
}

describe('the card of a bundle', () => {
  const common = {
    library_name: 'onnx',
    pipeline_tag: 'image-classification',
    tags: ['onnx', 'gfnet', 'early-exit', 'adaptive-inference'],
  };

  it('has a head of YAML, with what was measured where it was evaluated', () => {
    expect(headOf(renderBundleCard(manifest, undefined, false))).toEqual(common);
    const results = resultsOf();
    const last = results.policies[0]?.steps.at(-1)?.accuracy ?? NaN;
    expect(headOf(renderBundleCard(manifest, results, true))).toEqual({
      ...common,
      'model-index': [
        {
          name,
          results: [
            {
              task: { type: 'image-classification' },
              dataset: { type: results.test.name, name: results.test.name },
              metrics: [{ type: 'accuracy', value: expect.closeTo(last, 4) as number }],
            },
          ],
        },
      ],
    });
  });

  it('tells of single.onnx where that is there: what it takes and gives, and that it stops by itself', () => {
    expect(renderBundleCard(manifest, undefined, false)).not.toMatch('single.onnx');
    const card = renderBundleCard(manifest, undefined, true);
    const [steps = '', single = ''] = card.split('`single.onnx`');
    expect(steps).toMatch(/Those of the steps[^]*weights\.bin/);
    expect(single).not.toMatch('weights.bin');
    expect(single).toMatch(/for one image[^]*its weights within[^]*stops early/);
    expect(single).toMatch(/`images`, uint8 \[1, 60, 60, 1\][^]*`thresholds`, float32 \[2\]/);
    expect(single).toMatch(/`logits` and `probabilities`, float32 \[1, 2\][^]*`steps`[^]*`boxes`, int64/);
  });
});
