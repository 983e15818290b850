import { describe, expect, it } from 'vitest';
import { presets } from '../../training/presets.js';
import { parseConfig } from '../../src/cli/config.js';
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
