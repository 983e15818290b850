/** Where a policy looks: histograms of its actions for each step that chose a place, and how far it moves from one to the next. */
import type { AnytimeOutputs } from './outputs.js';

/** Cells on a side of the grid over [0, 1]^2. */
const cells = 12;

/** Up to so many classes are shown one by one. */
const mostClasses = 20;

/** Shares of images, [row][column] of equal cells over [0, 1]^2; they sum to 1, or are 0 where there is no image. */
type Grid = number[][];

/** Where the images of a set were looked at in one step. */
export interface Look {
  /** 2 to T: the glance chooses no place. */
  readonly step: number;
  readonly grid: Grid;
  /** Of the images of each class; none where there are more than 20. */
  readonly classes: Grid[];
  /** How far from the step before, as a share of the way that a crop can move along a side; null for the first that chose a place. */
  readonly moved: Moved | null;
}

interface Moved {
  readonly mean: number;
  readonly median: number;
  /** That nine tenths of the images move at most. */
  readonly ninth: number;
}

/** One entry for each step with actions. */
export function looks({ actions = [], labels, classes }: AnytimeOutputs): Look[] {
  const images = [...labels.keys()];
  return actions.flatMap((places, t) =>
    places === null
      ? []
      : [
          {
            step: t + 1,
            grid: histogram(places, images),
            classes: Array.from({ length: classes > mostClasses ? 0 : classes }, (_, c) =>
              histogram(
                places,
                images.filter(i => labels[i] === c),
              ),
            ),
            moved: movement(actions[t - 1] ?? null, places, images),
          },
        ],
  );
}

function histogram(places: Float32Array, images: readonly number[]): Grid {
  const counts = Array.from({ length: cells }, () => Array.from({ length: cells }, () => 0));
  const cell = (coordinate = 0) => Math.min(cells - 1, Math.floor(coordinate * cells));
  for (const i of images) {
    const row = counts[cell(places[2 * i])];
    const column = cell(places[2 * i + 1]);
    if (row !== undefined) row[column] = (row[column] ?? 0) + 1;
  }
  return counts.map(row => row.map(count => count / Math.max(1, images.length)));
}

function movement(
  before: Float32Array | null,
  places: Float32Array,
  images: readonly number[],
): Moved | null {
  if (before === null) return null;
  const way = (i: number) => (places[i] ?? 0) - (before[i] ?? 0);
  const distances = images.map(i => Math.hypot(way(2 * i), way(2 * i + 1))).sort((a, b) => a - b);
  const at = (share: number) => distances[Math.ceil(share * distances.length) - 1] ?? 0;
  return {
    mean: distances.reduce((sum, distance) => sum + distance, 0) / distances.length,
    median: at(0.5),
    ninth: at(0.9),
  };
}
