/** `gfnet predict` on folders, patterns and standard input, with an exported bundle. */
import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { namesOf } from '../../src/cli/image-files.js';
import { decodeImage } from '../../src/data/decode.js';
import { exitCodes } from '../../src/errors/index.js';
import type { Prediction } from '../../src/predict/prediction.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { gfnet, launcher } from './support.js';

const folder = temporaryFolder();
const packaged = join(import.meta.dirname, '../../checkpoints/cluttered-60');

beforeAll(() => {
  const { code } = gfnet(folder, 'export', packaged, '--out', 'bundle');
  expect(code).toBe(0);
  mkdirSync(join(folder, 'photos/older'), { recursive: true });
  for (const name of ['b.png', 'a.PNG', 'older/c.png'])
    copyFileSync(join(packaged, 'example.png'), join(folder, 'photos', name));
  writeFileSync(join(folder, 'photos/notes.txt'), 'no image');
});

const order = ['photos/a.PNG', 'photos/b.png', 'photos/older/c.png'];
const predict = (...args: string[]): ReturnType<typeof gfnet> =>
  gfnet(folder, 'predict', '--model', 'bundle', ...args);
const lines = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);

describe('gfnet predict', () => {
  it('takes a folder with those in it, by name, a line each, as the model the bundle is of answers', () => {
    const { code, stdout } = predict('photos', '--format', 'jsonl', '--threshold', '1');
    expect(code).toBe(0);
    const answers = lines(stdout);
    expect(answers.map(({ image }) => image)).toEqual(order);
    const model = ['--model', packaged, '--threshold', '1', '--json'];
    const [expected] = JSON.parse(gfnet(folder, 'predict', 'photos/b.png', ...model).stdout) as Prediction[];
    expect(answers[1]).toMatchObject({ label: expected?.label, boxes: expected?.boxes, steps: 4 });
  });

  it('takes a pattern, and writes a table to a file', () => {
    const { code, stdout } = predict('photos/*.png', '--format', 'csv', '--out', 'answers.csv');
    expect([code, stdout]).toEqual([0, '']);
    const [head, row, ...rest] = readFileSync(join(folder, 'answers.csv'), 'utf8').trimEnd().split('\n');
    expect(head).toBe('image,class,label,probability,steps,multiAdds,boxes,error');
    expect(row).toMatch(/^photos\/b\.png,\d,\d,0\.\d+,4,\d+,\d+ \d+ 28;\d+ \d+ 28;\d+ \d+ 28,$/);
    expect(rest).toEqual([]);
  });

  it('draws images with the places that were looked at, and takes no look that would end too late', () => {
    const { code, stdout } = predict('photos/b.png', '--threshold', '1', '--preview');
    expect(code).toBe(0);
    const [answer, ...picture] = stdout.trimEnd().split('\n');
    expect(answer).toMatch(/^photos\/b\.png: .* 4 steps/);
    // Each look by its number, from the uppermost down, and below the first edge of all the digit.
    const rows = Array.from(answer?.matchAll(/\((\d+), \d+\)/g) ?? [], ([, row], i) => [i + 2, Number(row)]);
    const numbers = rows.toSorted(([, a = 0], [, b = 0]) => a - b).map(([number]) => number);
    expect(numbers.toSorted()).toEqual([2, 3, 4]);
    expect(picture.join('\n')).toMatch(new RegExp([...numbers, '[@%#]'].join('[^]*')));
    const hurried = predict('photos/b.png', '--threshold', '1', '--max-ms', '0.001', '--preview');
    expect(hurried.stdout).toMatch(/ 1 step, /);
    expect(hurried.stdout.split('\n').slice(1).join('')).not.toMatch(/[234]/);
    expect(predict('photos/b.png', '--preview', '--json').stderr).toMatch(/cannot be used with/);
  });

  it('reads names from standard input, reports what it cannot read, goes on, and says so by its exit code', () => {
    writeFileSync(join(folder, 'broken, "odd".png'), 'no image');
    const names = ['photos/b.png', 'broken, "odd".png', 'missing.png', 'photos/a.PNG'];
    for (const format of ['jsonl', 'csv', 'json']) {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [launcher, 'predict', '-', '--model', 'bundle', '--format', format],
        { cwd: folder, encoding: 'utf8', input: `${names.join('\n')}\n` },
      );
      expect(status).toBe(exitCodes.badInput);
      expect(stderr).toMatch(/not an image of a known format[^]*cannot be read[^]*2 of 4 images/);
      if (format === 'csv') {
        const cells = /^"broken, ""odd""\.png",,,,,,,"the data is not an image/m;
        expect(stdout).toMatch(cells);
        continue;
      }
      const answers = format === 'json' ? (JSON.parse(stdout) as Record<string, unknown>[]) : lines(stdout);
      expect(answers.map(({ image }) => image)).toEqual(names);
      expect(answers.map(answer => 'error' in answer)).toEqual([false, true, true, false]);
    }
  });

  it('keeps to a budget in Multi-Adds or milliseconds, and says what is none', () => {
    const steps = (budget: string): unknown =>
      lines(predict('photos/b.png', '--budget', budget, '--format', 'jsonl').stdout)[0]?.steps;
    expect(steps('9.3M')).toBe(1);
    expect(steps('100000ms')).toBeGreaterThan(1);
    expect(predict('photos/b.png', '--budget', '8 miles').stderr).toMatch(/milliseconds such as 8ms/);
    expect(predict('photos/b.png', '--budget', '0.000001ms').stderr).toMatch(/below the cost of the glance/);
  });

  it('takes a folder once that links within it lead to again', async () => {
    const linked = join(folder, 'linked');
    mkdirSync(join(linked, 'older'), { recursive: true });
    for (const name of ['z.png', 'older/c.png'])
      copyFileSync(join(packaged, 'example.png'), join(linked, name));
    symlinkSync('.', join(linked, 'again'));
    symlinkSync('older', join(linked, 'new'));
    symlinkSync('z.png', join(linked, 'best.png'));
    const expected = ['best.png', 'new/c.png', 'z.png'].map(name => `${linked}/${name}`);
    expect(await namesOf([linked])).toEqual(expected);
    expect(await namesOf([`${linked}/`])).toEqual(expected);
    expect(await namesOf([`${linked}/**/*.png`])).toEqual(expected.map(name => relative('.', name)));
  });

  it('refuses what names no image', () => {
    mkdirSync(join(folder, 'empty'));
    for (const [named, message] of [
      [['empty'], /holds no image/],
      [['none/*.png'], /no file fits the pattern/],
      [['-', 'photos'], /go with no others/],
    ] as const) {
      const { code, stderr } = predict(...named);
      expect(code).toBe(exitCodes.badInput);
      expect(stderr).toMatch(message);
    }
  });

  it('writes what it has when it is interrupted, and leaves no other file', async () => {
    const many = Array.from({ length: 20_000 }, () => 'photos/b.png').join('\n');
    const args = [
      'predict',
      '-',
      '--model',
      'bundle',
      '--format',
      'jsonl',
      '--batch',
      '8',
      '--out',
      'part.jsonl',
    ];
    const child = spawn(process.execPath, [launcher, ...args], { cwd: folder });
    child.stdin.on('error', () => undefined);
    child.stdin.end(many);
    const temporary = (): string | undefined =>
      readdirSync(folder).find(name => name.startsWith('.part.jsonl'));
    while (readFileSync(join(folder, temporary() ?? 'answers.csv')).length < 5000 || !temporary())
      await new Promise(resolve => setTimeout(resolve, 20));
    child.kill('SIGINT');
    const code = await new Promise(resolve => child.once('exit', resolve));
    expect(code).toBe(exitCodes.interrupted);
    expect(existsSync(join(folder, temporary() ?? 'gone'))).toBe(false);
    const answers = lines(readFileSync(join(folder, 'part.jsonl'), 'utf8'));
    expect(answers.length).toBeGreaterThan(4);
    expect(answers.length).toBeLessThan(20_000);
  });
});

it('answers the names that have come while standard input is silent, and ends at once when it is interrupted', async () => {
  const args = ['predict', '-', '--model', 'bundle', '--format', 'jsonl'];
  const child = spawn(process.execPath, [launcher, ...args], { cwd: folder });
  let [answers, messages] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => (messages += chunk.toString()));
  const answered = new Promise(resolve =>
    child.stdout.on('data', (chunk: Buffer) => {
      answers += chunk.toString();
      if (answers.trim().split('\n').length === 2) resolve(undefined);
    }),
  );
  child.stdin.write('photos/b.png\nphotos/a.PNG\n');
  await answered;
  child.kill('SIGINT');
  const code = await new Promise(resolve => child.once('exit', resolve));
  expect(code).toBe(exitCodes.interrupted);
  expect(messages).toMatch(/interrupted after 2 images/);
  expect(lines(answers).map(({ image }) => image)).toEqual(['photos/b.png', 'photos/a.PNG']);
}, 60_000);

it('gfnet export --int8 tells what it changes, and the bundle predicts', () => {
  const { code, stderr } = gfnet(
    folder,
    ...['export', packaged, '--out', 'int8', '--int8', 'always', '--images', 'photos'],
  );
  expect(stderr).toMatch(/calibrated on 2 images, beside float32 on 1 others[^]*times as fast at batch 16/);
  expect(code).toBe(0);
  const labelOf = (model: string): unknown =>
    lines(gfnet(folder, 'predict', 'photos/b.png', '--model', model, '--format', 'jsonl').stdout)[0]?.label;
  expect(labelOf('int8')).toBe(labelOf('bundle'));
  const without = gfnet(folder, 'export', packaged, '--out', 'none', '--int8');
  expect(without.code).toBe(exitCodes.badInput);
  expect(without.stderr).toMatch(/calibrated and judged on images/);
});

it('gfnet export --single writes a graph that answers by itself', async () => {
  expect(gfnet(folder, 'export', packaged, '--out', 'one', '--single').code).toBe(0);
  const session = await InferenceSession.create(join(folder, 'one/single.onnx'));
  const card = readFileSync(join(folder, 'one/README.md'), 'utf8');
  const described = card.slice(card.indexOf('`single.onnx`'));
  for (const name of [...session.inputNames, ...session.outputNames])
    expect(described).toContain(`\`${name}\``);
  expect(readFileSync(join(folder, 'bundle/README.md'), 'utf8')).not.toMatch('single.onnx');
  const pixels = await decodeImage(join(packaged, 'example.png'), { height: 60, width: 60, channels: 1 });
  const given = await session.run({
    images: new Tensor('uint8', pixels, [1, 60, 60, 1]),
    thresholds: new Tensor('float32', Float32Array.of(0.975, 0.975, 0.975), [3]),
  });
  await session.release();
  const [answer] = lines(
    gfnet(folder, 'predict', join(packaged, 'example.png'), '--model', 'one', '--format', 'jsonl').stdout,
  );
  const boxes = answer?.boxes as Prediction['boxes'];
  expect(Number((given.steps?.data as BigInt64Array)[0])).toBe(answer?.steps);
  expect([...(given.boxes?.data as BigInt64Array)].map(Number)).toEqual(
    boxes.flatMap(({ row, column }) => [row, column]),
  );
  expect(Math.max(...(given.probabilities?.data as Float32Array))).toBeCloseTo(
    Number(answer?.probability),
    5,
  );
});

it('gfnet export refuses a folder that holds something', () => {
  const { code, stderr } = gfnet(folder, 'export', packaged, '--out', 'photos');
  expect(code).toBe(exitCodes.badInput);
  expect(stderr).toMatch(/not empty/);
});
