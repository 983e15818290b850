/** Where a policy looks: a histogram of its actions for each step that chose a place. */
import type { AnytimeOutputs } from './outputs.js';

/** Cells on a side of the grid over [0, 1]^2. */
const cells = 12;

/** Where the images of a set were looked at in one step. */
export interface Look {
  /** 2 to T: the glance chooses no place. */
  readonly step: number;
  /** Shares of the images, [row][column] of equal cells over [0, 1]^2; they sum to 1. */
  readonly grid: number[][];
}

/** One entry for each step with actions. */
export function looks({ actions = [], labels }: AnytimeOutputs): Look[] {
  return actions.flatMap((places, t) =>
    places === null ? [] : [{ step: t + 1, grid: histogram(places, labels.length) }],
  );
}

function histogram(places: Float32Array, images: number): number[][] {
  const counts = Array.from({ length: cells }, () => Array.from({ length: cells }, () => 0));
  const cell = (coordinate = 0) => Math.min(cells - 1, Math.floor(coordinate * cells));
  for (let i = 0; i < images; i++) {
    const row = counts[cell(places[2 * i])];
    const column = cell(places[2 * i + 1]);
    if (row !== undefined) row[column] = (row[column] ?? 0) + 1;
  }
  return counts.map(row => row.map(count => count / images));
}
