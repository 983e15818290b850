/**
 * AssemblyScript, not TypeScript: the two passes of Pillow's resizing of bytes, several numbers at once. Compiled by hand into
 * `passes-module.ts`, see there. Everything is a place in memory; the caller leaves `slack` bytes after all that is read or written, for
 * numbers are taken and given by vectors.
 *
 * Weights are whole numbers of 2^-22, `taps` of each sample, whose sums, rounded, become bytes (Pillow, src/libImaging/Resample.c).
 */

const half: i32 = 1 << 21;
const shift: i32 = 22;

/** [rows, width, 3] -> [rows, to, 3]; `starts`: [to], the first pixel of each. */
export function rgbRows(
  pixels: usize,
  rows: i32,
  width: i32,
  starts: usize,
  weights: usize,
  taps: i32,
  to: i32,
  result: usize,
): void {
  for (let row = 0; row < rows; row++) {
    let weight = weights;
    for (let i = 0; i < to; i++) {
      let from = pixels + 3 * load<i32>(starts + 4 * i);
      let sum = i32x4.splat(half);
      const end = weight + 4 * taps;
      for (; weight < end; weight += 4, from += 3) {
        const pixel = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(from)));
        sum = i32x4.add(sum, i32x4.mul(pixel, v128.load32_splat(weight)));
      }
      const words = i16x8.narrow_i32x4_s(i32x4.shr_s(sum, shift), sum);
      v128.store32_lane(result, i8x16.narrow_i16x8_u(words, words), 0);
      result += 3;
    }
    pixels += 3 * width;
  }
}

/** [rows, width] -> [rows, to] */
export function greyRows(
  pixels: usize,
  rows: i32,
  width: i32,
  starts: usize,
  weights: usize,
  taps: i32,
  to: i32,
  result: usize,
): void {
  for (let row = 0; row < rows; row++) {
    let weight = weights;
    for (let i = 0; i < to; i++) {
      let from = pixels + load<i32>(starts + 4 * i);
      let sum = half;
      const end = weight + 4 * taps;
      for (; weight < end; weight += 4, from++) sum += load<i32>(weight) * <i32>load<u8>(from);
      sum >>= shift;
      store<u8>(result++, <u8>min(255, max(0, sum)));
    }
    pixels += width;
  }
}

/** [rows, line] -> [to, line]; `starts`: [to], the first row of each. */
export function columns(
  pixels: usize,
  line: i32,
  starts: usize,
  weights: usize,
  taps: i32,
  to: i32,
  result: usize,
): void {
  for (let i = 0; i < to; i++) {
    const top = pixels + line * load<i32>(starts + 4 * i);
    const own = weights + 4 * i * taps;
    const row = result + i * line;
    for (let x = 0; x < line; x += 16) {
      let a = i32x4.splat(half);
      let b = a;
      let c = a;
      let d = a;
      let from = top + x;
      for (let j = 0; j < taps; j++, from += line) {
        const weight = v128.load32_splat(own + 4 * j);
        const sixteen = v128.load(from);
        const low = i16x8.extend_low_i8x16_u(sixteen);
        const high = i16x8.extend_high_i8x16_u(sixteen);
        a = i32x4.add(a, i32x4.mul(i32x4.extend_low_i16x8_u(low), weight));
        b = i32x4.add(b, i32x4.mul(i32x4.extend_high_i16x8_u(low), weight));
        c = i32x4.add(c, i32x4.mul(i32x4.extend_low_i16x8_u(high), weight));
        d = i32x4.add(d, i32x4.mul(i32x4.extend_high_i16x8_u(high), weight));
      }
      const left = i16x8.narrow_i32x4_s(i32x4.shr_s(a, shift), i32x4.shr_s(b, shift));
      const right = i16x8.narrow_i32x4_s(i32x4.shr_s(c, shift), i32x4.shr_s(d, shift));
      v128.store(row + x, i8x16.narrow_i16x8_u(left, right));
    }
  }
}
