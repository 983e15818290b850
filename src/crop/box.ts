/** Where a patch lies, in pixels. */

/** A square of `size` pixels whose top left corner is at (row, column). */
export interface Box {
  readonly row: number;
  readonly column: number;
  readonly size: number;
}

/** The box of an action: top left = floor(action * (side - patch)). */
export function boxOf(row: number, column: number, side: number, patch: number): Box {
  // In single precision, as the engine computes it.
  const corner = (action: number): number => Math.floor(Math.fround(Math.fround(action) * (side - patch)));
  return { row: corner(row), column: corner(column), size: patch };
}

/** The pixels [size, size, channels] of a box of an image [height, width, channels]. */
export function cutOut(pixels: Uint8Array, width: number, channels: number, box: Box): Uint8Array {
  const patch = new Uint8Array(box.size * box.size * channels);
  for (let y = 0; y < box.size; y++) {
    const from = ((box.row + y) * width + box.column) * channels;
    patch.set(pixels.subarray(from, from + box.size * channels), y * box.size * channels);
  }
  return patch;
}
