/** Files in a folder of their own for as long as they are used: ONNX Runtime finds weights only beside their graph. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeParts } from '../checkpoint/parts.js';
import type { Graphs } from './graphs.js';

export async function inScratch<Result>(
  files: Graphs['files'],
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'gfnet-export-'));
  try {
    for (const [file, content] of files) writeParts(join(folder, file), content);
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
