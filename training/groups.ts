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

/** The tensors whose names one of the parts owns, e.g. `policy`, and the others. */
export function partition(tensors: Tensors, parts: readonly string[]): { part: Tensors; rest: Tensors } {
  const entries = Object.entries(tensors);
  const within = ([name]: [string, unknown]): boolean => parts.some(part => name.startsWith(`${part}.`));
  return {
    part: Object.fromEntries(entries.filter(within)),
    rest: Object.fromEntries(entries.filter(entry => !within(entry))),
  };
}
