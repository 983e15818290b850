/** What every recorded graph must hold to. */
import { expect } from 'vitest';
import type { Graph } from '../../src/engine/graph.js';
import { makerOf } from '../../src/engine/graph.js';

/** Each node after those that give what it reads, and what the graph gives among them. */
export function expectInOrder({ nodes, outputs }: Graph): void {
  const seen = new Set<string>();
  for (const [name, node] of nodes) {
    for (const input of node.kind === 'operation' ? node.inputs : []) expect(seen).toContain(makerOf(input));
    seen.add(name);
  }
  for (const output of outputs) expect(seen).toContain(makerOf(output));
}
