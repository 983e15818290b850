/** Numbers that follow from a name, as test/fixtures/pytorch/encoders.py makes them: weights of any size without a file. */

/** `count` numbers in [-1, 1) that float32 holds: FNV-1a of the name, then a counter through murmur3's finaliser. */
export function pseudo(name: string, count: number): Float32Array {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  return Float32Array.from({ length: count }, (_, i) => {
    let x = (seed + Math.imul(i, 0x9e3779b9)) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

/** Norm of `values` and their products with `probes` vectors of +-1. */
export function digest(name: string, values: Float32Array, probes: number): number[] {
  let squares = 0;
  for (const value of values) squares += value ** 2;
  const products = Array.from({ length: probes }, (_, probe) => {
    const signs = pseudo(`${name}/${probe}`, values.length);
    let product = 0;
    for (let i = 0; i < values.length; i++) product += (values[i] ?? NaN) * ((signs[i] ?? 0) < 0 ? -1 : 1);
    return product;
  });
  return [Math.sqrt(squares), ...products];
}

/** What encoders.py fills a variable of an encoder with, in PyTorch's layout; `seed` is what the numbers follow from. */
export function encoderWeights(key: string, shape: readonly number[], seed = key): Float32Array {
  const u = pseudo(seed, count(shape));
  const [out = 1, width = 1, height = 1, breadth = 1] = shape;
  if (shape.length === 4) return u.map(u => u * Math.sqrt(6 / (out * height * breadth)));
  if (shape.length === 2) return u.map(u => u / Math.sqrt(width));
  if (key.endsWith('running_var')) return u.map(u => 1 + 0.5 * u);
  if (key.endsWith('running_mean') || /(fc\d?|classifier|conv_\w+)\.bias$/.test(key))
    return u.map(u => 0.1 * u);
  if (key.endsWith('bias')) return u.map((u, channel) => 2 * (1 - 2 * (channel % 2)) + 0.1 * u);
  return u.map(u => 0.5 + 0.1 * u);
}

/** What reference.py fills a variable of classifier or policy with, in PyTorch's layout. */
export function otherWeights(shape: readonly number[], seed: string): Float32Array {
  const [out = 1] = shape;
  const gain = 4 / Math.sqrt(count(shape) / out);
  return pseudo(seed, count(shape)).map(u => (shape.length > 1 ? gain * u : 0.1 * u));
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
