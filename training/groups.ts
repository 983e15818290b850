/** Groups of tensors as one flat record: `group/name`, as they stand in a checkpoint. */
import type { Tensors } from '../src/engine/gradients.js';

export type Groups = Readonly<Record<string, Tensors>>;

export function flatten(groups: Groups): Tensors {
  return Object.fromEntries(
    Object.entries(groups).flatMap(([group, tensors]) =>
      Object.entries(tensors).map(([name, tensor]) => [`${group}/${name}`, tensor]),
    ),
  );
}

/** The tensors of one group, by their names within it. */
export function group(tensors: Tensors, name: string): Tensors {
  const prefix = `${name}/`;
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([path]) => path.startsWith(prefix))
      .map(([path, tensor]) => [path.slice(prefix.length), tensor]),
  );
}

/** The tensors whose names fit, and the others. */
export function partition(
  tensors: Tensors,
  fits: (name: string) => boolean,
): { part: Tensors; rest: Tensors } {
  const entries = Object.entries(tensors);
  return {
    part: Object.fromEntries(entries.filter(([name]) => fits(name))),
    rest: Object.fromEntries(entries.filter(([name]) => !fits(name))),
  };
}
