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
