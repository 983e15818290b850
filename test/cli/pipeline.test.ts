import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseComparison, parseResults } from '../../src/evaluation/index.js';
import type { Prediction } from '../../src/index.js';
import { gfnet, writeConfig } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'gfnet-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const run = (...args: string[]): string => {
  const { code, stdout, stderr } = gfnet(folder, ...args);
  expect(code, stderr).toBe(0);
  return stdout;
};

beforeAll(async () => {
  writeConfig(folder, 'tiny.json');
  run('train', 'all', '--config', 'tiny.json', '--out', 'runs/a', '--seed', '3');
  run('evaluate', 'runs/a');
  for (const name of ['one.png', 'two.png', 'three.png']) {
    const noise = { type: 'gaussian', mean: 60, sigma: 60 } as const;
    await sharp({ create: { width: 50, height: 40, channels: 3, background: '#000', noise } })
      .png()
      .toFile(join(folder, name));
  }
}, 300_000);

describe('train all', () => {
  it('leaves a run folder for each stage', () => {
    for (const stage of ['stage1', 'stage2', 'stage3', 'static']) {
      for (const file of ['config.json', 'environment.json', 'metrics.csv', 'log.txt']) {
        expect(existsSync(join(folder, 'runs/a', stage, file))).toBe(true);
      }
    }
  });

  it('does nothing more when it is resumed at its end', () => {
    const weights = readdirSync(join(folder, 'runs/a/stage3/checkpoints')).sort();
    run('train', 'all', '--config', 'tiny.json', '--out', 'runs/a', '--resume');
    expect(readdirSync(join(folder, 'runs/a/stage3/checkpoints')).sort()).toEqual(weights);
  });
});

describe('train all within a time', () => {
  it('stops when it is up, saved, and becomes what it would have been', () => {
    const all = ['train', 'all', '--out', 'runs/b'];
    const { code, stderr } = gfnet(
      folder,
      ...all,
      '--config',
      'tiny.json',
      '--seed',
      '3',
      '--max-time',
      '0.001s',
    );
    expect([code, stderr]).toEqual([124, expect.stringContaining('the time is up in epoch 1')]);
    expect(stderr).toContain(`go on with: gfnet ${all.join(' ')} --resume`);
    // Later stages too have the configuration and the seed of the first.
    run(...all, '--resume');
    for (const stage of ['stage1', 'stage2', 'stage3', 'static']) {
      const [a, b] = ['a', 'b'].map(name => readdirSync(join(folder, 'runs', name, stage, 'checkpoints')));
      expect(b).toEqual(a);
    }
  });
});

describe('train static within a time', () => {
  it('goes on from the run that it was started from, of all its networks', () => {
    const sides = ['train', 'static', '--inputs', '40,32'];
    run('train', 'static', '--config', 'tiny.json', '--out', 'runs/before');
    const given = ['--config', 'tiny.json', '--from', 'runs/before', '--out'];
    run(...sides, ...given, 'runs/whole');
    expect(gfnet(folder, ...sides, ...given, 'runs/parts', '--max-time', '0.001s').code).toBe(124);
    run(...sides, '--out', 'runs/parts', '--resume');
    for (const side of [40, 32]) {
      const [whole, parts] = ['whole', 'parts'].map(name =>
        readdirSync(join(folder, 'runs', name, `static-${side}`, 'checkpoints')),
      );
      expect(parts).toEqual(whole);
    }
  });
});

describe('evaluate', () => {
  const path = (): string => join(folder, 'runs/a/stage3/results.json');
  const results = () => parseResults(readFileSync(path(), 'utf8'), path());

  it('stands the learned policy beside random and centre crops and the static network', () => {
    expect(results().policies.map(({ name }) => name)).toEqual(['learned', 'random', 'centre']);
    expect(results().statics.map(({ input }) => input)).toEqual([40]);
    expect(results().test).toMatchObject({ images: 20, sources: 20 });
    expect(results().timing?.ratio).toBeGreaterThan(0);
    const { steps = [], budgets = [] } = results().latency ?? {};
    expect([steps.length, Math.min(...steps) > 0]).toEqual([3, true]);
    for (const { budget, thresholds, clock } of budgets) {
      expect([budget > 0, thresholds.length]).toEqual([true, 3]);
      expect(clock?.milliseconds).toBeGreaterThan(0);
      // Nobody can take less than the glance, nor more than all steps.
      expect(clock?.expected).toBeGreaterThanOrEqual(steps[0] ?? Infinity);
      expect(clock?.expected).toBeLessThanOrEqual(steps.reduce((sum, time) => sum + time) + 1e-9);
    }
  });

  it('writes a report that needs no network, and a picture', () => {
    const html = readFileSync(join(folder, 'runs/a/stage3/report.html'), 'utf8');
    expect(html).toContain('</html>');
    expect(html).not.toMatch(/(src|href)="https?:/);
    expect(existsSync(join(folder, 'runs/a/stage3/picture.png'))).toBe(true);
  });

  it('tells of every test image what was answered', () => {
    const text = readFileSync(join(folder, 'runs/a/stage3/tables/images.csv'), 'utf8');
    const rows = text
      .trimEnd()
      .split('\r\n')
      .map(line => line.replaceAll(/"[^"]*"/g, 'name').split(','));
    const { accuracy, meanSteps } = results().fullAccuracy;
    const mean = (of: (row: string[]) => number) => rows.slice(1).reduce((sum, row) => sum + of(row), 0) / 20;
    expect(rows).toHaveLength(1 + 20);
    expect(mean(([, truth, answer]) => Number(truth === answer))).toBeCloseTo(accuracy, 12);
    expect(mean(([, , , right]) => Number(right === 'true'))).toBeCloseTo(accuracy, 12);
    expect(mean(row => Number(row[5]))).toBeCloseTo(meanSteps, 12);
  });

  it('prints the same as JSON, and more where it is asked for', () => {
    const before = results();
    const printed = parseResults(
      run('evaluate', 'runs/a', '--json', '--policies', 'all', '--robustness', '10', '--risk', '0.4'),
      'the output',
    );
    expect(printed.policies.slice(0, 3)).toEqual(before.policies);
    expect(printed.policies.map(({ name }) => name)).toEqual([
      'learned',
      'random',
      'centre',
      'corners',
      'saliency',
      'oracle',
    ]);
    expect(printed.robustness).toMatchObject({ from: 'CIFAR-10-C', images: 10 });
    expect(printed.robustness?.sets).toHaveLength(1 + 9 * 5);
    expect(printed.risk.maxDrop).toBe(0.4);
    expect(before.robustness).toBeNull();
    const files = (name: string) => readdirSync(join(folder, 'runs/a/stage3', name));
    expect(files('tables')).toContain('robustness.csv');
    expect(files('figures')).toContain('severity-error.svg');
    run('evaluate', 'runs/a');
    expect(files('tables')).not.toContain('robustness.csv');
    expect(files('figures')).toContain('accuracy-cost.svg');
  });
});

describe('evaluate of a network that resizes bicubically', () => {
  it('draws a glance that would go beyond black and white', () => {
    const change = ['--set', 'network.interpolation=bicubic'];
    run('train', 'stage1', '--config', 'tiny.json', '--out', 'runs/bicubic', ...change);
    run('evaluate', 'runs/bicubic');
    expect(existsSync(join(folder, 'runs/bicubic/report.html'))).toBe(true);
  });
});

describe('evaluate of several runs', () => {
  it('compares them in a folder of its own, each as it is alone', () => {
    run('evaluate', 'runs/a/stage3', 'runs/a/stage1', '--out', 'compared');
    const comparison = parseComparison(readFileSync(join(folder, 'compared/comparison.json'), 'utf8'));
    expect(comparison.runs.map(({ name }) => name)).toEqual(['stage3', 'stage1']);
    const alone = parseResults(readFileSync(join(folder, 'runs/a/stage3/results.json'), 'utf8'), 'alone');
    expect(comparison.runs[0]?.results.policies).toEqual(alone.policies);
    for (const file of [
      'report.html',
      'stage1/report.html',
      'tables/budgets.csv',
      'figures/accuracy-steps.png',
    ])
      expect(existsSync(join(folder, 'compared', file)), file).toBe(true);
  });

  it('refuses other data and a run beside itself', () => {
    const { data } = JSON.parse(readFileSync(join(folder, 'tiny.json'), 'utf8')) as { data: object };
    writeConfig(folder, 'other.json', { data: { ...data, seed: 77 } });
    run('train', 'stage1', '--config', 'other.json', '--out', 'runs/other');
    const { code, stderr } = gfnet(folder, 'evaluate', 'runs/a/stage1', 'runs/other');
    expect([code, stderr]).toEqual([2, expect.stringContaining('different data')]);
    expect(gfnet(folder, 'evaluate', 'runs/a', 'runs/a').stderr).toContain('compared with itself');
  });
});

describe('predict', () => {
  const predict = (...args: string[]): Prediction[] =>
    JSON.parse(run('predict', 'one.png', 'two.png', 'three.png', '--json', ...args)) as Prediction[];

  it('answers each image, in order, with what it looked at and what that cost', () => {
    const predictions = predict('--model', 'runs/a', '--threshold', '1', '--top', '2', '--crops', 'looks');
    expect(predictions).toMatchObject([{ image: 'one.png' }, { image: 'two.png' }, { image: 'three.png' }]);
    for (const { steps, boxes, top, beliefs, label, probability } of predictions) {
      expect([steps, boxes.length, top.length, beliefs.length]).toEqual([3, 2, 2, 3]);
      expect(top[0]).toEqual({ class: Number(label), label, probability });
      for (const { row, column, size } of boxes) {
        expect(Math.min(row, column)).toBeGreaterThanOrEqual(0);
        expect(Math.max(row, column) + size).toBeLessThanOrEqual(40);
      }
    }
    expect(readdirSync(join(folder, 'looks')).sort()).toEqual(
      ['1-one', '2-two', '3-three'].flatMap(stem => [2, 3].map(step => `${stem}-step${step}.png`)),
    );
  });

  it('stops at the glance when that is sure enough or all that the budget allows', () => {
    const [sure] = predict('--model', 'runs/a', '--threshold', '0.01');
    expect(sure).toMatchObject({ steps: 1, boxes: [] });
    const glance = sure?.multiAdds ?? NaN;
    expect(predict('--model', 'runs/a', '--budget', String(Math.ceil(glance)))[0]?.steps).toBe(1);
  });

  it('takes all steps where nothing can be promised, and fewer where much may be lost', () => {
    const steps = (drop: string) =>
      predict('--model', 'runs/a', '--max-accuracy-drop', drop, '--confidence', '0.6').map(p => p.steps);
    expect(steps('0.001')).toEqual([3, 3, 3]);
    expect(steps('0.9')).toEqual([1, 1, 1]);
  });

  it('answers in one line an image otherwise', () => {
    expect(run('predict', 'one.png', '--model', 'runs/a', '--threshold', '0.01')).toMatch(
      /^one\.png: \d \(\d+\.\d %\), 1 step, \d+\.\d M Multi-Adds\n$/,
    );
  });
});

describe('package', () => {
  it('makes a folder that predicts as the run does, budgets included', () => {
    run('package', 'runs/a', '--out', 'digits');
    expect(readdirSync(join(folder, 'digits')).filter(name => !name.endsWith('.safetensors'))).toEqual([
      'README.md',
      'example.png',
      'model.json',
      'picture.png',
      'results.json',
    ]);
    const args = ['predict', 'one.png', 'two.png', '--json', '--budget', '100M', '--model'];
    expect(run(...args, 'digits')).toBe(run(...args, 'runs/a'));
    run('evaluate', 'digits', '--config', 'tiny.json', '--out', 'judged');
    const [before, after] = ['runs/a/stage3', 'judged'].map(path => {
      const file = join(folder, path, 'results.json');
      const { model, ...results } = parseResults(readFileSync(file, 'utf8'), file);
      return { ...results, model: model.name, command: '', timing: null, latency: null };
    });
    expect(after).toEqual(before);
    const card = readFileSync(join(folder, 'digits/README.md'), 'utf8');
    expect(card).toContain('gfnet train all --config tiny.json --out runs/a --seed 3');
    expect(card).toContain('| learned |');
    const { code, stderr } = gfnet(folder, 'package', 'runs/a', '--out', 'digits');
    expect(code).toBe(2);
    expect(stderr).toContain('not empty');
  });
});

describe('export', () => {
  const compared = (model: string, out: string, ...args: string[]): string => {
    const { code, stderr } = gfnet(folder, 'export', model, '--out', out, ...args);
    expect(code, stderr).toBe(0);
    return /^compared on (.*): logits/m.exec(stderr)?.[1] ?? '';
  };

  it('compares on the example or, where the run was not evaluated, on images that it validates on', () => {
    expect(compared('runs/a', 'evaluated')).toBe('example.png, 3 images of noise');
    const validation = /^16 images of cluttered-digits-40\/validation, 3 images of noise$/;
    expect(compared('runs/a/stage2', 'unevaluated')).toMatch(validation);
    expect(compared('runs/a/static/checkpoints/last.json', 'static')).toMatch(validation);
  });

  it('asks for images where there are none, and writes nothing', () => {
    cpSync(join(folder, 'runs/a/stage1/checkpoints'), join(folder, 'alone'), { recursive: true });
    const { code, stderr } = gfnet(folder, 'export', 'alone', '--out', 'refused');
    expect(code).toBe(2);
    expect(stderr).toMatch(/no image to compare[^]*alone without example\.png[^]*give --images DIR/);
    expect(existsSync(join(folder, 'refused'))).toBe(false);
    expect(compared('alone', 'given', '--images', 'one.png', 'two.png')).toBe(
      'one.png, two.png, 3 images of noise',
    );
  });

  it('asks for images where those of the run are gone, too', () => {
    cpSync(join(folder, 'runs/a/stage1'), join(folder, 'moved'), { recursive: true });
    const config = join(folder, 'moved/config.json');
    const gone = { kind: 'folder', folder: 'gone' };
    writeFileSync(
      config,
      JSON.stringify({ ...(JSON.parse(readFileSync(config, 'utf8')) as object), data: gone }),
    );
    const { code, stderr } = gfnet(folder, 'export', 'moved', '--out', 'refused');
    expect(code).toBe(2);
    expect(stderr).toMatch(/images of its run cannot be had[^]*give --images DIR/);
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });
});
