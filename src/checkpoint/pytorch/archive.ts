/** torch.save's format since PyTorch 1.6: a ZIP archive of a pickle and one entry a storage. */
import { CheckpointError } from '../../errors/index.js';
import type { ByteSource } from '../byte-source.js';
import type { MemoryBudget } from '../memory-budget.js';
import { ByteReader, textOf } from './byte-reader.js';
import type { PyTorchContent } from './content.js';
import { globalOf } from './globals.js';
import { unpickle } from './pickle.js';
import { Storages } from './tensors.js';
import { ZipArchive } from './zip.js';

export function readArchive(bytes: ByteSource, budget: MemoryBudget): PyTorchContent {
  const archive = new ZipArchive(bytes, budget);
  const folder = folderOf(archive);
  requireLittleEndian(archive, `${folder}/byteorder`);
  const storages = new Storages();
  const reader = new ByteReader(archive.read(`${folder}/data.pkl`));
  const value = unpickle(reader, { global: globalOf, persistent: id => storages.persistent(id) }, budget);
  if (reader.remaining > 0) {
    throw new CheckpointError({
      problem: 'something follows its pickle',
      given: `${reader.remaining} bytes`,
    });
  }
  const memory = new Map(
    [...storages.byKey].map(([key, storage]) => {
      const entry = `${folder}/data/${key}`;
      return [storage, { length: archive.sizeOf(entry), open: () => archive.open(entry) }];
    }),
  );
  return { value, memory };
}

/** All entries lie in one folder, named after the file that was saved. */
function folderOf(archive: ZipArchive): string {
  const pickles = archive.names.filter(name => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle !== undefined && pickles.length === 1) return pickle.slice(0, -'/data.pkl'.length);
  throw new CheckpointError({
    problem: 'the archive is not one of torch.save',
    given: `${pickles.length} entries named data.pkl`,
    allowed: 'one, in the only folder',
  });
}

function requireLittleEndian(archive: ZipArchive, entry: string): void {
  if (!archive.names.includes(entry)) return;
  const order = textOf(archive.read(entry));
  if (order !== 'little') {
    throw new CheckpointError({
      problem: 'its byte order is not read here',
      given: order,
      allowed: 'little',
    });
  }
}
