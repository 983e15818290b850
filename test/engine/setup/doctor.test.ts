import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cachedBinding } from '../../../src/engine/setup/binding.js';
import { diagnose } from '../../../src/engine/setup/doctor.js';
import { renderDiagnosis } from '../../../src/engine/setup/doctor-text.js';
import { setupEngine } from '../../../src/engine/setup/setup.js';
import { bfloat16Units, flagsInCpuinfo, flagsInSysctl } from '../../../src/engine/setup/simd.js';
import { addProgram, addPython, borrow, borrowLibrary, scratchPlace, silent } from './scratch.js';

describe('diagnose', () => {
  it('says what a ready engine is', async () => {
    const place = scratchPlace();
    borrowLibrary(place);
    borrow(place, cachedBinding);
    await setupEngine({ report: silent, place });
    const diagnosis = await diagnose(place);
    expect(diagnosis).toMatchObject({
      node: process.version,
      engine: { state: 'ready', kind: 'built' },
      tensorflow: {
        version: '2.21.0',
        patchedFunctions: [
          'addFunction',
          'removeFunction',
          'opDefinitions',
          'enableCollectives',
          'watchPeers',
          'lostPeer',
        ],
      },
      tools: { python: null, pip: null, compiler: null },
      // The tools are not needed once the engine is there.
      problems: [],
    });
    expect(JSON.parse(JSON.stringify(diagnosis))).toEqual(diagnosis);
    const text = renderDiagnosis(diagnosis);
    expect(text).toContain('TensorFlow 2.21.0 (built)');
    expect(text).toContain('nothing is missing');
    const withFlags = (...simd: string[]): string =>
      renderDiagnosis({ ...diagnosis, processor: { threads: 2, simd } });
    expect(withFlags('avx2', 'avx512_bf16')).toMatch(/^bfloat16 +avx512_bf16$/m);
    expect(withFlags('avx2', 'avx512f')).toMatch(/^bfloat16 +no units: training stays in float32$/m);
  });

  it('says what a missing engine needs', async () => {
    const place = scratchPlace();
    addPython(place, '-I -S');
    addProgram(place, 'g++', 'echo "g++ 99"');
    writeFileSync(join(place.cache, 'something'), 'x'.repeat(1234));
    const diagnosis = await diagnose(place);
    expect(diagnosis.engine.state).toBe('missing');
    expect(diagnosis.tools).toEqual({
      python: expect.stringMatching(/^Python 3/) as string,
      pip: null,
      compiler: 'g++ 99',
    });
    expect(diagnosis.cache.bytes).toBe(1234);
    expect(diagnosis.problems.map(({ problem }) => problem)).toEqual([
      'the engine is not ready: it was not set up yet',
      'python3 has no pip',
    ]);
    const text = renderDiagnosis(diagnosis);
    expect(text).toContain('missing: it was not set up yet');
    expect(text).toContain('mend:  run `gfnet setup`');
    expect(text).not.toContain('nothing is missing');
  });

  it('tells a binding that no longer loads', async () => {
    const place = scratchPlace();
    borrowLibrary(place);
    borrow(place, cachedBinding);
    await setupEngine({ report: silent, place });
    writeFileSync(
      join(place.root, 'node_modules/@tensorflow/tfjs-node/dist/index.js'),
      'throw new Error("broken")',
    );
    const diagnosis = await diagnose(place);
    expect(diagnosis.tensorflow).toBeUndefined();
    expect(diagnosis.problems[0]?.problem).toContain('does not compute');
    expect(renderDiagnosis(diagnosis)).toContain('installed but does not load');
  });
});

describe('SIMD flags', () => {
  it('are read from /proc/cpuinfo of x86 and arm', () => {
    const x86 =
      'processor\t: 0\nmodel name\t: Some\nflags\t\t: fpu sse4_2 avx2 avx512_bf16 sse4_1\n\nprocessor\t: 1\nflags\t\t: amx_bf16\n';
    expect(flagsInCpuinfo(x86)).toEqual(['sse4_2', 'avx2', 'avx512_bf16']);
    expect(flagsInCpuinfo('processor\t: 0\nFeatures\t: fp asimd bf16 crc32\n')).toEqual(['asimd', 'bf16']);
    expect(flagsInCpuinfo('')).toEqual([]);
  });

  it('name the units for bfloat16', () => {
    expect(bfloat16Units(['avx512f', 'avx512_bf16', 'amx_bf16'])).toBe('amx_bf16');
    expect(bfloat16Units(['avx512f', 'avx512_bf16'])).toBe('avx512_bf16');
    expect(bfloat16Units(['avx2', 'avx512f', 'avx512_vnni'])).toBeUndefined();
  });

  it('are read from sysctl of macOS', () => {
    expect(
      flagsInSysctl(
        'hw.optional.neon: 1\nhw.optional.arm.FEAT_BF16: 1\nhw.optional.arm.FEAT_I8MM: 0\nhw.optional.avx2_0: 1\n',
      ),
    ).toEqual(['neon', 'bf16']);
  });
});
