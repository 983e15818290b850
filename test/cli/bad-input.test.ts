import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLatest, saveCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { exitCodes } from '../../src/errors/index.js';
import { tiny } from '../training/support.js';
import { gfnet, launcher, writeConfig } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'gfnet-bad-'));
afterAll(() => rmSync(folder, { recursive: true }));

const cluttered60 = join(import.meta.dirname, '../../checkpoints/cluttered-60');

function refuses(args: readonly string[], ...messages: readonly (string | RegExp)[]): void {
  const before = readdirSync(folder);
  const { code, stdout, stderr } = gfnet(folder, ...args);
  expect(readdirSync(folder)).toEqual(before);
  for (const message of messages) expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stdout).toBe('');
  expect(code).toBe(exitCodes.badInput);
}

describe('the command line refuses, with what is allowed', () => {
  it.each([
    ['an unknown command', ['trian'], [/unknown command 'trian'/, /Did you mean train\?/]],
    [
      'an unknown option',
      ['train', 'all', '--out', 'x', '--seeed', '3'],
      [/unknown option '--seeed'/, /Did you mean --seed\?/],
    ],
    ['an unknown stage', ['train', 'stage4', '--out', 'x'], [/stage1, stage2, stage3, static, all/]],
    ['a seed that is no number', ['train', 'all', '--seed', 'x', '--out', 'x'], [/--seed/, /whole number/]],
    ['no configuration', ['train', 'stage1', '--out', 'x'], [/--preset/, /cluttered-60/]],
    [
      'an unknown preset',
      ['train', 'stage1', '--preset', 'clutered-60', '--out', 'x'],
      [/did you mean "cluttered-60"/],
    ],
    ...['toString', '__proto__'].map((name): [string, string[], RegExp[]] => [
      `a preset ${name}`,
      ['train', 'stage1', '--preset', name, '--out', 'x'],
      [/unknown preset/, /allowed: cluttered-60, /],
    ]),
    [
      'a profile of a preset that is none',
      ['profile', 'clutterd-60'],
      [/did you mean "cluttered-60"/, /allowed: cluttered-60, /],
    ],
    [
      'more threads than help',
      ['train', 'stage1', '--preset', 'demo', '--threads', '1000000', '--out', 'x'],
      [/--threads/, /a whole number, from 1 to \d+/],
    ],
    [
      'a missing configuration',
      ['train', 'stage1', '--config', 'none.json', '--out', 'x'],
      [/none\.json/, /cannot be read/],
    ],
    [
      '--set without a value',
      ['train', 'stage1', '--preset', 'demo', '--set', 'stage1.epochs', '--out', 'x'],
      [/--set/, /KEY=VALUE/],
    ],
    [
      'a stage that is none',
      ['train', 'stage4'],
      [/stage1, stage2, stage3, static, all \(did you mean "stage1"\?\)/],
    ],
    [
      'a threshold out of range',
      ['predict', 'a.png', '--model', 'm', '--threshold', '2'],
      [/--threshold/, /above 0, up to 1/],
    ],
    [
      'a threshold and a budget',
      ['predict', 'a.png', '--model', 'm', '--threshold', '0.5', '--budget', '9M'],
      [/cannot be used with/],
    ],
    [
      'a budget and a guarantee',
      ['predict', 'a.png', '--model', 'm', '--budget', '9M', '--max-accuracy-drop', '0.01'],
      [/cannot be used with/],
    ],
    ['a risk that is none', ['evaluate', 'm', '--risk', '1%'], [/--risk/, /between 0 and 1/]],
    [
      'a policy that is none',
      ['evaluate', 'm', '--policies', 'centre,randm'],
      [/randm \(did you mean "random"\?\)/, /learned, random, centre, corners, saliency, oracle/],
    ],
    [
      'data of another task',
      ['evaluate', cluttered60, '--preset', 'cluttered-100', '--out', 'judged'],
      [/trained on/, /100 x 100/, /60 x 60/],
    ],
    ['a packaged model without data', ['evaluate', cluttered60], [/not a run folder/, /--preset/]],
    ['a budget that is none', ['predict', 'a.png', '--model', 'm', '--budget', 'lots'], [/--budget/, /12M/]],
    ['a run that is none', ['evaluate', 'nowhere'], [/not a run folder/, /nowhere/]],
    ['a model that is none', ['predict', 'a.png', '--model', 'nowhere'], [/no such checkpoint/, /nowhere/]],
  ])('%s', (_, args, messages) => refuses(args, ...messages));
});

describe('a configuration is refused with the place of each fault', () => {
  const { network, data, stage1 } = tiny;
  it.each<[string, object, RegExp[]]>([
    ['a wrong type', { batchSize: 'many' }, [/expected number, received string/, /batchSize/]],
    [
      'an unknown key',
      { stage1: { ...stage1, epoch: 3 } },
      [/unknown key "epoch" \(did you mean "epochs"\?\); allowed: epochs, /, /stage1/],
    ],
    [
      'an unknown encoder',
      { network: { ...network, encoder: { name: 'smal' } } },
      [/unknown encoder "smal" \(did you mean "small"\?\)/, /network\.encoder/],
    ],
    [
      'a patch too small for the encoder',
      { network: { ...network, encoder: { name: 'densenet121' } } },
      [/densenet121 needs images of 29 x 29 pixels at least: patch >= 29/],
    ],
    [
      'an unknown classifier',
      { network: { ...network, classifier: { kind: 'gur' } } },
      [/unknown classifier "gur" \(did you mean "gru"\?\)/],
    ],
    [
      'an unknown data set',
      { data: { ...data, kind: 'clutered-digits' } },
      [/unknown data set "clutered-digits" \(did you mean "cluttered-digits"\?\)/],
    ],
    [
      'a patch larger than the image',
      { network: { ...network, patch: 41 } },
      [/the patch is larger than the image/, /41/, /40/],
    ],
    ['no step', { network: { ...network, steps: 0 } }, [/>=1/, /network\.steps/]],
    ['steps without end', { network: { ...network, steps: 1_000_000 } }, [/<=1000/, /network\.steps/]],
    ['updates without end', { stage2: { epochs: 1, updates: 1e9 } }, [/<=1000/, /stage2\.updates/]],
    ['batches beyond any memory', { batchSize: 1e9 }, [/<=1000000/, /batchSize/]],
    [
      'canvases without end',
      { data: { ...tiny.data, canvasesPerDigit: 1e8 } },
      [/<=100000/, /data\.canvasesPerDigit/],
    ],
    ['a patch beyond any memory', { network: { ...network, patch: 1e6 } }, [/<=20000/, /network\.patch/]],
    ['an input beyond any memory', { static: { ...tiny.static, input: 1e6 } }, [/<=20000/, /static\.input/]],
    [
      'images beyond any memory',
      { data: { ...data, canvas: 100_000 } },
      [/does not fit the images/, /100000 x 100000/, /<=20000/],
    ],
    [
      'more digits than there are',
      { data: { ...data, train: 20_000 } },
      [/more digits than there are/, /10000/],
    ],
  ])('%s', (_, change, messages) => {
    const config = writeConfig(folder, 'bad.json', change);
    refuses(['train', 'stage1', '--config', config, '--out', 'x'], ...messages);
  });

  it('that is no JSON', () => {
    writeFileSync(join(folder, 'broken.json'), '{"data": ');
    refuses(['train', 'stage1', '--config', 'broken.json', '--out', 'x'], /broken\.json/, /JSON/);
  });
});

describe('a network beyond memory', () => {
  const { encoder, classifier, policy } = tiny.network;
  it.each<[string, object]>([
    ['network.policy.hidden', { policy: { ...policy, hidden: 1e9 } }],
    ['network.classifier.hidden', { classifier: { ...classifier, hidden: 1e9 } }],
    ['network.encoder', { encoder: { ...encoder, widths: [1_000_000] } }],
  ])('by its %s is told what to make smaller', (key, change) => {
    const config = writeConfig(folder, 'large.json', { network: { ...tiny.network, ...change } });
    const { code, stderr } = gfnet(folder, 'train', 'stage1', '--config', config, '--dry-run');
    expect(stderr).toMatch(/^memory does not suffice/);
    expect(stderr).toMatch(new RegExp(`mend: .*${key}`));
    expect(code).toBe(exitCodes.engine);
  });
});

describe('with a trained model', () => {
  beforeAll(() => {
    const config = writeConfig(folder, 'tiny.json');
    expect(gfnet(folder, 'train', 'stage1', '--config', config, '--out', 'a1').code).toBe(0);
    writeFileSync(join(folder, 'empty.png'), '');
    writeFileSync(join(folder, 'text.png'), 'no image');
  });

  it.each([
    ['missing', 'none.png', [/cannot be read/, /none\.png/]],
    ['empty', 'empty.png', [/is empty/, /empty\.png/]],
    ['no image', 'text.png', [/not an image/, /text\.png/]],
  ])('an image that is %s is named', (_, image, messages) => {
    refuses(['predict', image, '--model', 'a1'], ...messages);
  });

  it('a budget asks for an evaluation first', () => {
    refuses(['predict', 'text.png', '--model', 'a1', '--budget', '9M'], /not an image|evaluate/);
  });

  it('a folder that exists is not overwritten, one that holds something else neither', () => {
    refuses(['train', 'stage1', '--config', 'tiny.json', '--out', 'a1'], /a run already/, /--resume/);
    mkdirSync(join(folder, 'mine'));
    writeFileSync(join(folder, 'mine/letter.txt'), 'dear');
    refuses(['train', 'stage1', '--config', 'tiny.json', '--out', 'mine'], /not empty/, /letter\.txt/);
  });

  it('a stage says which one it starts from', () => {
    refuses(
      ['train', 'stage2', '--config', 'tiny.json', '--out', 'x2'],
      /starts from a run of stage1/,
      /--from/,
    );
    refuses(
      ['train', 'stage3', '--config', 'tiny.json', '--from', 'a1', '--out', 'x3'],
      /starts from a run of stage2/,
    );
  });

  it('a checkpoint of another architecture is refused with what differs', () => {
    const change = { network: { ...tiny.network, encoder: { name: 'small', widths: [4, 8] } } };
    const config = writeConfig(folder, 'other.json', change);
    refuses(
      ['train', 'stage2', '--config', config, '--from', 'a1', '--out', 'x4'],
      /another architecture/,
      /encoder\.widths\.1 = 6/,
      /encoder\.widths\.1 = 8/,
    );
  });

  it('a run is resumed with its own seed and configuration only', () => {
    refuses(['train', 'stage1', '--out', 'a1', '--resume', '--seed', '9'], /another seed/, /--seed 1/);
    refuses(
      ['train', 'stage1', '--out', 'a1', '--resume', '--set', 'stage1.epochs=9'],
      /another configuration/,
      /stage1\.epochs = 9/,
      /stage1\.epochs = 2/,
    );
  });

  it('a run of before a setting was there is resumed with its default', () => {
    const path = join(folder, 'a1/config.json');
    const text = readFileSync(path, 'utf8');
    const { precision, batchNorm, ...older } = JSON.parse(text) as Record<string, unknown>;
    expect([precision, batchNorm]).toEqual(['float32', 'worker']);
    writeFileSync(path, JSON.stringify(older));
    const { code, stderr } = gfnet(folder, 'train', 'stage1', '--out', 'a1', '--resume');
    expect(code, stderr).toBe(0);
    writeFileSync(path, text);
  });

  it('a stage goes on from a checkpoint of before a setting was there, with its default', () => {
    const { manifest, tensors } = loadLatest(join(folder, 'a1'));
    const { interpolation, ...architecture } = manifest.architecture;
    expect(interpolation).toBe('bilinear');
    const { kind, stage, progress, metrics, classes, preprocessing } = manifest;
    const content = { kind, stage, architecture, progress, metrics, classes, preprocessing, tensors };
    mkdirSync(join(folder, 'earlier'));
    saveCheckpoint(join(folder, 'earlier'), 'last', content);
    const from = ['--config', 'tiny.json', '--from', 'earlier', '--dry-run'];
    const { code, stderr } = gfnet(folder, 'train', 'stage2', ...from);
    expect(code, stderr).toBe(0);
  });

  it('a policy has nothing to learn where there is one step', () => {
    const config = writeConfig(folder, 'one.json', { network: { ...tiny.network, steps: 1 } });
    refuses(['train', 'stage2', '--config', config, '--from', 'a1', '--out', 'x5'], /nothing for stage2/);
  });

  it('a damaged checkpoint is refused', () => {
    const manifest = join(folder, 'a1/checkpoints/last.json');
    const text = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, text.slice(0, text.length / 2));
    refuses(['predict', 'text.png', '--model', 'a1'], /damaged or cut short/, /last\.json/);
    writeFileSync(manifest, text);
  });
});

describe('an output folder', () => {
  it.skipIf(process.getuid?.() === 0)('that is not writable is named', () => {
    mkdirSync(join(folder, 'sealed'));
    chmodSync(join(folder, 'sealed'), 0o500);
    const config = writeConfig(folder, 'tiny.json');
    refuses(['train', 'stage1', '--config', config, '--out', 'sealed/run'], /sealed/, /permission/);
  });

  it('that is a file is named', () => {
    writeFileSync(join(folder, 'file'), '');
    const config = writeConfig(folder, 'tiny.json');
    refuses(['train', 'stage1', '--config', config, '--out', 'file'], /file/);
  });

  it('on a full disk says so, and keeps what was saved', ({ skip }) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48k', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      skip('a small disk cannot be mounted here');
    }
    try {
      const config = writeConfig(folder, 'tiny.json');
      refuses(
        ['train', 'stage1', '--config', config, '--out', 'disk/run'],
        /the disk is full/,
        /free some space; then go on with: gfnet train stage1 --out disk\/run --resume\n {2}cause: {3}ENOSPC/,
      );
      expect(readdirSync(join(disk, 'run')).filter(name => name.endsWith('.gfnet-tmp'))).toEqual([]);
      execFileSync('mount', ['-o', 'remount,size=16m', disk]);
      const { code, stderr } = gfnet(folder, 'train', 'stage1', '--out', 'disk/run', '--resume');
      expect(code, stderr).toBe(0);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

it('what lies behind an error is told', () => {
  mkdirSync(join(folder, 'torn'));
  writeFileSync(join(folder, 'torn/config.json'), '{}');
  refuses(['evaluate', 'torn'], /the run is damaged/, /^ {2}cause: {3}ENOENT: no such file/m);
});

describe('results', () => {
  const example = join(cluttered60, 'example.png');
  const model = ['--model', cluttered60] as const;

  it('are written to a device or through a link, neither of which is replaced', () => {
    writeFileSync(join(folder, 'answers.json'), 'old');
    symlinkSync('answers.json', join(folder, 'link'));
    expect(gfnet(folder, 'predict', example, ...model, '--json', '--out', 'link').code).toBe(0);
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(join(folder, 'answers.json'), 'utf8'))).toHaveLength(1);
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const reader = spawnSync(
      'sh',
      [
        '-c',
        `cat pipe & "$0" "$@"; wait`,
        process.execPath,
        launcher,
        'predict',
        example,
        ...model,
        '--json',
        '--out',
        'pipe',
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(JSON.parse(reader.stdout)).toHaveLength(1);
    expect(lstatSync(join(folder, 'pipe')).isFIFO()).toBe(true);
  });

  it.skipIf(!existsSync('/dev/full'))('that a full disk does not take are told of', () => {
    // A link, so that a mistake costs no device.
    symlinkSync('/dev/full', join(folder, 'full'));
    refuses(['predict', example, ...model, '--json', '--out', 'full'], /cannot write: the disk is full/);
    expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', '"$0" "$@" > /dev/full', process.execPath, launcher, 'predict', example, ...model],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(stderr).toMatch(/cannot write: the disk is full\n {2}given: {3}standard output/);
    expect(status).toBe(exitCodes.badInput);
  });

  it('that nobody reads any more end quietly', () => {
    const { stdout, stderr } = spawnSync(
      'sh',
      [
        '-c',
        'for i in $(seq 300); do echo "$2"; done | { "$0" "$1" predict - "$3" "$4" --format jsonl --batch 1; echo "code $?" >&2; } | head -n 1',
        process.execPath,
        launcher,
        example,
        ...model,
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(stderr).toBe('code 0\n');
  });

  it('have a place that is looked at first', () => {
    mkdirSync(join(folder, 'taken'));
    refuses(['predict', example, ...model, '--out', 'taken'], /a folder of that name is in the way/);
    writeFileSync(join(folder, 'no-folder'), '');
    refuses(['predict', example, ...model, '--crops', 'no-folder'], /cannot write/);
    refuses(
      ['evaluate', cluttered60, '--preset', 'cluttered-60', '--out', 'no-folder/results'],
      /cannot write: a part of its path is a file/,
    );
    mkdirSync(join(folder, 'whole/stage3'), { recursive: true });
    writeFileSync(join(folder, 'whole/stage3/notes.txt'), '');
    const config = writeConfig(folder, 'tiny.json');
    refuses(['train', 'all', '--config', config, '--out', 'whole'], /stage3, which holds notes\.txt/);
    expect(existsSync(join(folder, 'whole/stage1'))).toBe(false);
    refuses(['train', 'all', '--config', config, '--out', ''], /an empty --out/);
    refuses(
      ['train', 'all', '--config', config, '--set', 'network.steps=1', '--out', 'one'],
      /no place to choose/,
    );
    expect(existsSync(join(folder, 'one'))).toBe(false);
  });
});
