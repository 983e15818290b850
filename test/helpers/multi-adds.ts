/** Multi-Adds of one image, by the formulas: one for each weight at each place where it is used. */

/**
 * `small`: a stem (3 x 3, or 5 x 5 of stride 2), then blocks of two 3 x 3 convolutions; all but the first halve the side, rounding up,
 * and project their shortcut.
 */
export function smallMultiAdds(
  widths: readonly number[],
  side: number,
  channels: number,
  stride: 1 | 2 = 1,
): number {
  const [stem = NaN] = widths;
  let [size, width] = [Math.ceil(side / stride), stem];
  let total = size ** 2 * (stride === 1 ? 9 : 25) * channels * stem;
  widths.forEach((out, i) => {
    if (i > 0) size = Math.ceil(size / 2);
    const shortcut = i > 0 || width !== out ? width * out : 0;
    total += size ** 2 * (9 * width * out + 9 * out * out + shortcut);
    width = out;
  });
  return total;
}

/** Three gates, each of the input and of the hidden state. */
export function gruMultiAdds(width: number, hidden: number): number {
  return 3 * hidden * (width + hidden);
}
