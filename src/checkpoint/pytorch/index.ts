/** Reads files of torch.save (`.pth`, `.pth.tar`, `.pt`) without running anything that they say. */
import type { ByteSource } from '../byte-source.js';
import { sourceOf } from '../byte-source.js';
import { MemoryBudget } from '../memory-budget.js';
import { speakingOf } from '../refusal.js';
import { readArchive } from './archive.js';
import { plainValue, type PyTorchValue } from './content.js';
import { readLegacy } from './legacy.js';
import { isZip } from './zip.js';

export type { PyTorchValue } from './content.js';

/**
 * Reads what torch.save was given: tensors, numbers, texts, lists and dictionaries. The tensors own their memory, and are
 * float32 or int32: other floating-point numbers become float32, other integers and booleans int32.
 *
 * @param source what the bytes are, for error messages: a file's path
 * @throws CheckpointError where the file is damaged, or holds anything else; the message names it
 */
export function readPyTorch(file: Uint8Array | ByteSource, source: string): PyTorchValue {
  const bytes = sourceOf(file);
  return speakingOf(`${source} cannot be read as a PyTorch file`, () => {
    const budget = new MemoryBudget(bytes.length);
    const content = isZip(bytes) ? readArchive(bytes, budget) : readLegacy(bytes, budget);
    return plainValue(content, budget);
  });
}
