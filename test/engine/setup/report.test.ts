import { describe, expect, it } from 'vitest';
import { lineReporter, type SetupEvent } from '../../../src/engine/setup/report.js';

const events: SetupEvent[] = [
  ...[0, 0.1, 0.3, 1].map((fraction): SetupEvent => ({
    stage: 'download',
    message: 'downloading',
    fraction,
  })),
  { stage: 'ready', message: 'ready' },
];

function written(isTTY: boolean): string {
  let text = '';
  const report = lineReporter({ isTTY, write: more => (text += more) });
  for (const event of events) report(event);
  return text;
}

describe('lineReporter', () => {
  it('writes plain lines, one a quarter, where there is no terminal', () => {
    expect(written(false)).toBe('downloading 0%\ndownloading 30%\ndownloading 100%\nready\n');
  });

  it('rewrites the line in place on a terminal', () => {
    const up = '\x1b[1A\x1b[2K';
    expect(written(true)).toBe(
      `downloading 0%\n${up}downloading 10%\n${up}downloading 30%\n${up}downloading 100%\nready\n`,
    );
  });
});
