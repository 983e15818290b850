import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { exitSteps, readEvidence } from '../../src/evaluation/index.js';
import { answersCsv, resultFiles } from '../../src/report/index.js';
import { toCsv } from '../../src/report/csv.js';
import { hostile, resultsOf } from './results.js';

describe('CSV', () => {
  it('flattens what is nested and quotes what needs it', () => {
    expect(
      toCsv([
        { name: 'a,b', drop: { mean: 0.1 }, thresholds: [1, 2] },
        { name: 'say "hi"', drop: { mean: null }, extra: true },
      ]),
    ).toBe('name,drop.mean,thresholds.1,thresholds.2,extra\r\n"a,b",0.1,1,2,\r\n"say ""hi""",,,,true\r\n');
  });
});

describe('the table of images', () => {
  it('has the answer with early exit, and what each step said and saw', () => {
    const ln = Math.log;
    const evidence = readEvidence({
      // Of two classes: how sure of the second.
      logits: [
        [0.9, 0.4, 0.25],
        [0.1, 0.75, 0.2],
      ].map(step => Float32Array.from(step.flatMap(p => [ln(1 - p), ln(p)]))),
      labels: Int32Array.of(1, 1, 0),
      classes: 2,
      multiAdds: [1, 1],
    });
    const csv = answersCsv({
      evidence,
      exit: exitSteps(evidence, [0.7, -1]),
      classes: ['cat', 'dog, or wolf'],
      nameOf: image => `images/${image}.jpg`,
      actions: [null, Float32Array.of(0, 1, 0.5, 0.26, 1, 0)],
      side: 12,
      patch: 8,
    });
    const rounded = csv.replace(/\d\.\d+/g, number => String(Number(Number(number).toFixed(4))));
    expect(rounded.split('\r\n')).toEqual([
      'name,true,answer,right,confidence,step,steps.1.answer,steps.1.confidence,steps.2.answer,steps.2.confidence,steps.2.row,steps.2.column',
      'images/0.jpg,"dog, or wolf","dog, or wolf",true,0.9,1,"dog, or wolf",0.9,cat,0.9,0,4',
      'images/1.jpg,"dog, or wolf","dog, or wolf",true,0.75,2,cat,0.6,"dog, or wolf",0.75,2,1',
      'images/2.jpg,cat,cat,true,0.75,1,cat,0.75,cat,0.8,4,0',
      '',
    ]);
  });
});

describe('the files of an evaluation', () => {
  const results = resultsOf();
  const files = resultFiles(results);
  const text = (path: string) => files.find(file => file.path === path)?.text ?? '';

  it('hold every figure with all its digits', () => {
    const [head = '', ...rows] = text('tables/policies.csv').trimEnd().split('\r\n');
    expect(head.split(',').slice(0, 4)).toEqual(['policy', 'step', 'multiAdds', 'accuracy']);
    expect(rows).toHaveLength(3 * 4);
    const [policy, step, , accuracy] = rows[1]?.split(',') ?? [];
    expect([policy, step, Number(accuracy)]).toEqual([
      'learned',
      '2',
      results.policies[0]?.steps[1]?.accuracy,
    ]);
    expect(text('tables/exit-shares.csv').split('\r\n')).toHaveLength(39 + 2);
    expect(text('tables/classes.csv')).toContain(`"${hostile.replaceAll('"', '""')}0"`);
  });

  it('leave nothing of an evaluation that had more', () => {
    expect(files.find(({ path }) => path === 'tables/robustness.csv')).toEqual({
      path: 'tables/robustness.csv',
      text: null,
    });
  });

  it('are figures that stand alone, in colours that a program without style sheets of ours can draw', async () => {
    const figures = files.filter(({ path, text }) => path.endsWith('.svg') && text !== null);
    expect(figures.map(({ path }) => path)).toEqual(
      [
        'accuracy-cost',
        'error-steps',
        'exits',
        'guarantee',
        ...[1, 2, 3, 4].map(step => `reliability-step${step}`),
      ].map(name => `figures/${name}.svg`),
    );
    for (const { text } of figures) {
      expect(text).not.toContain('<script');
      const { data, info } = await sharp(Buffer.from(text ?? ''))
        .removeAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true });
      const colours = new Set<number>();
      for (let i = 0; i < data.length; i += info.channels) colours.add(data.readUIntBE(i, 3));
      expect(colours.has(0xffffff)).toBe(true);
      expect(colours.size).toBeGreaterThan(10);
    }
    // The learned policy's blue, drawn.
    const [cost] = figures;
    const { data } = await sharp(Buffer.from(cost?.text ?? ''))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    let blue = 0;
    for (let i = 0; i < data.length; i += 3) if (data.readUIntBE(i, 3) === 0x2563eb) blue += 1;
    expect(blue).toBeGreaterThan(50);
  });
});
