import { describe, expect, it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { presets } from '../../training/presets.js';
import { parseConfig, readConfig } from '../../src/cli/config.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { errorOf } from '../helpers/error-of.js';

const { demo } = presets;
const parse = (...set: string[]) => parseConfig(demo, set, 'preset demo');

describe('--set', () => {
  it('changes single values, JSON or text, and leaves the preset as it is', () => {
    const config = parse(
      'stage1.epochs=3',
      'network.encoder={"name":"small","widths":[5]}',
      'network.policy.encoder=linear',
    );
    expect(config.stage1.epochs).toBe(3);
    expect(config.network.encoder).toEqual({ name: 'small', widths: [5], stem: 1 });
    expect(config.network.policy.encoder).toBe('linear');
    expect(parse()).toEqual(parseConfig(demo, [], ''));
  });

  it('makes the objects on the way to a value that the preset leaves out', () => {
    expect(parse('data.distortion.elastic=1').data).toMatchObject({
      distortion: { affine: 0, elastic: 1, stroke: 0 },
    });
  });

  it.each([
    ['data.distrotion.elastic=1', /distrotion/],
    ['data.distortion.elastic=9', /elastic/],
    ['stage1.epochs.more=1', /KEY=VALUE/],
    ['__proto__.epochs=1', /./],
  ])('refuses %s', (assignment, message) => {
    expect(errorOf(() => parse(assignment)).message).toMatch(message);
    expect(Reflect.get({}, 'epochs')).toBeUndefined();
  });
});

describe('a preset and a file', () => {
  const folder = temporaryFolder();
  const file = (content: unknown): string => {
    const path = join(folder, 'config.json');
    writeFileSync(path, JSON.stringify(content));
    return path;
  };
  const known = { kind: 'known-answer' };

  it('are merged, the file first; what names its kind is replaced whole; --set comes last', () => {
    const content = {
      data: { ...known, side: 40 },
      network: { patch: 12, encoder: { name: 'resnet18' } },
      stage1: { epochs: 5, encoderRate: 0.5 },
    };
    const config = readConfig({ preset: 'demo', config: file(content), set: ['stage1.epochs=6'] });
    expect(config.data).toMatchObject({ kind: 'known-answer', side: 40 });
    expect(config.network).toMatchObject({ patch: 12, steps: 4, encoder: { name: 'resnet18' } });
    expect(config.stage1).toMatchObject({ epochs: 6, encoderRate: 0.5, classifierRate: 0.04 });
  });

  it('hold a key that none knows against the file', () => {
    const error = errorOf(() => readConfig({ preset: 'demo', config: file({ netwrk: {} }) }));
    expect(error.message).toMatch(/preset demo and .*config\.json[^]*netwrk/);
  });

  it('say that a configuration of the paper needs data', () => {
    const error = errorOf(() => readConfig({ preset: 'gfnet-resnet50-96-t5' }));
    expect(error.message).toMatch(/no data set: its kind is one of cluttered-digits/);
  });

  // shared/METHOD.md, "Networks" and the table under "Training"; P and T: the reference's README.
  it.each([
    ['gfnet-resnet50-128-t5', 'bicubic', 'gru', 1024, [0.01, 0.1, 0.01, 1e-4, 1, 60, true]],
    ['gfnet-densenet201-96-t5', 'bilinear', 'gru', 1024, [0.01, 0.1, 0.01, 1e-4, 1, 60, true]],
    ['gfnet-regnety_1.6g-96-t5', 'bilinear', 'gru', 256, [0.02, 0.1, 0.01, 5e-5, 1, 60, true]],
    ['gfnet-mobilenetv3_large_125-128-t3', 'bicubic', 'cascade', 256, [0.005, 0.1, 0.01, 1e-4, 5, 90, false]],
    ['gfnet-efficientnet_b3-144-t4', 'bicubic', 'cascade', 256, [0.005, 0.1, 0.01, 1e-4, 5, 30, false]],
  ] as const)('%s is as the reference trained it', (preset, interpolation, kind, hidden, training) => {
    const { network, stage1, stage2, stage3, batchSize } = readConfig({
      preset,
      config: file({ data: { ...known, side: 224 } }),
    });
    const [, encoder, patch, steps] = /^gfnet-(.+)-(\d+)-t(\d)$/.exec(preset) ?? [];
    expect([network.encoder.name, network.patch, network.steps]).toEqual([
      encoder,
      Number(patch),
      Number(steps),
    ]);
    expect([network.interpolation, network.classifier.kind]).toEqual([interpolation, kind]);
    expect(network.policy).toEqual({ encoder: hidden === 1024 ? 'linear' : 'conv', hidden, std: 0.1 });
    const { encoderRate, weightDecay, supervision, epochs, freeze, momentum } = stage1;
    expect([
      encoderRate,
      stage1.classifierRate,
      stage3.classifierRate,
      weightDecay,
      supervision,
      epochs,
      freeze.length === 0,
    ]).toEqual(training);
    expect(stage3).toEqual({ ...stage1, classifierRate: 0.01 });
    expect([momentum, batchSize, stage2.epochs, stage2.rate, stage2.gamma]).toEqual([
      0.9, 256, 15, 3e-4, 0.7,
    ]);
  });
});

describe('--data', () => {
  it('is a folder or a manifest, trained on as photos-96 says unless told otherwise', () => {
    const { data, network, stage1 } = readConfig({ data: 'flowers', set: ['data.side=160'] });
    expect(data).toMatchObject({
      kind: 'folder',
      folder: resolve('flowers'),
      side: 160,
      resize: Math.round((160 * 256) / 224),
      interpolation: 'bilinear',
      augment: { crop: 'random', scale: [0.08, 1], flip: 0.5, hue: 0 },
      broken: 'skip',
    });
    expect(network).toMatchObject({ patch: 96, steps: 4, encoder: { name: 'resnet18' } });
    expect(stage1.freeze).toEqual([]);
    const mobile = readConfig({ data: 'list.csv', preset: 'photos-96-mobile' });
    expect(mobile.data).toMatchObject({
      kind: 'manifest',
      file: resolve('list.csv'),
      interpolation: 'bicubic',
    });
    expect(mobile.network.encoder.name).toBe('mobilenetv3_small_100');
  });

  it('keeps what a file says of how to take the images', () => {
    const folder = temporaryFolder();
    const config = join(folder, 'config.json');
    writeFileSync(config, JSON.stringify({ data: { kind: 'folder', folder: 'x', side: 128, resize: 130 } }));
    const { data } = readConfig({ data: 'flowers', preset: 'photos-96', config });
    expect(data).toMatchObject({ folder: resolve('flowers'), side: 128, resize: 130 });
  });

  it('says what does not fit', () => {
    expect(errorOf(() => readConfig({ data: 'x', set: ['data.side=64'] })).message).toMatch(
      /patch is larger/,
    );
    expect(errorOf(() => readConfig({ data: 'x', set: ['data.resize=200'] })).message).toMatch(
      /resize >= side/,
    );
    expect(errorOf(() => readConfig({ data: 'x', set: ['data.augment.scale=[1,0.5]'] })).message).toMatch(
      /the smaller first/,
    );
  });
});
