/** A curve in one line of text. */

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** The values from the least (▁) to the largest (█), at most `width` of them: means of stretches where there are more. Those that are not finite are blank. */
export function sparkline(values: readonly number[], width = 24): string {
  const shown = stretches(values, Math.min(width, values.length));
  const finite = shown.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  return shown
    .map(value => {
      if (!Number.isFinite(value)) return ' ';
      const share = high > low ? (value - low) / (high - low) : 0.5;
      return bars[Math.min(bars.length - 1, Math.floor(share * bars.length))] ?? ' ';
    })
    .join('');
}

function stretches(values: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const part = values.slice(
      Math.floor((i * values.length) / count),
      Math.floor(((i + 1) * values.length) / count),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
