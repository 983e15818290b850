/** Work that is asked for while it is being done. */

/** Does `work` once for all who ask before it starts, and never twice at the same time: what is asked for meanwhile is done once more, afterwards. */
export function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let current = Promise.resolve();
  let next: Promise<void> | undefined;
  const start = (): Promise<void> => {
    next = undefined;
    return (current = work());
  };
  return () => (next ??= current.then(start, start));
}
