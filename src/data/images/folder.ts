/** Lists a folder of images: ROOT/train/CLASS/..., ROOT/val/CLASS/..., ROOT/test/CLASS/..., or ROOT/CLASS/... alone. */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { didYouMean } from '../../errors/did-you-mean.js';
import { DataError } from '../../errors/index.js';
import type { Part } from '../dataset.js';
import { parts } from '../dataset.js';
import type { Listing } from './listing.js';
import { allowedExtensions, byCodeUnits, extension, isImageName, shortList } from './listing.js';

/** What the folders of the three sets may be called. */
const names: Readonly<Record<Part, readonly string[]>> = {
  train: ['train', 'training'],
  validation: ['val', 'valid', 'validation'],
  test: ['test', 'testing'],
};

const layouts = 'ROOT/train/CLASS/* (and ROOT/val/CLASS/*, ROOT/test/CLASS/*), or ROOT/CLASS/*';

/** @throws DataError when there is no such folder, or no images of two classes in it, or its sets cannot be told */
export function listFolder(root: string): Listing {
  requireFolder(root);
  const name = `folder ${basename(root)}`;
  const { sets, others } = setFolders(root);
  const train = sets.train ?? root;
  const classes = subfolders(train);
  const listed = new Files();
  const given: Partial<Record<Part, Int32Array>> = {};
  listed.leave(root);
  const notes =
    others.length > 0 ? [`${name}: beside its sets there is what is not taken: ${shortList(others)}`] : [];
  for (const part of parts) {
    const folder = part === 'train' ? train : sets[part];
    if (folder === undefined) continue;
    if (folder !== root) listed.leave(folder);
    const from = listed.count;
    for (const name of part === 'train' ? classes : subfolders(folder)) {
      listed.take(join(folder, name), labelOf(name, classes, folder));
    }
    const places = Int32Array.from({ length: listed.count - from }, (_, i) => from + i);
    if (part === 'train') requireClasses(root, classes, listed);
    if (places.length === 0)
      notes.push(`${name}: no set is taken from ${contents(folder)}: it has no image in a folder of a class`);
    else if (sets.train) given[part] = places;
  }
  const { paths, labels, leftAside } = listed;
  return {
    name,
    classes,
    labels: Int32Array.from(labels),
    source: index => ({ path: paths[index] ?? '' }),
    given,
    leftAside,
    notes,
  };
}

class Files {
  readonly paths: string[] = [];
  readonly labels: number[] = [];
  readonly leftAside = new Map<string, number>();

  get count(): number {
    return this.paths.length;
  }

  /** All images in `folder` and below it, in the order of their names. */
  take(folder: string, label: number, above: readonly string[] = []): void {
    const real = realpathSync(folder);
    // A link may lead back to a folder above it.
    if (above.includes(real)) return;
    for (const { name, kind } of entries(folder)) {
      const path = join(folder, name);
      if (kind === 'folder') {
        this.take(path, label, [...above, real]);
      } else if (isImageName(name)) {
        this.paths.push(path);
        this.labels.push(label);
      } else {
        this.#leave(name);
      }
    }
  }

  /** What lies in `folder` itself belongs to no class. */
  leave(folder: string): void {
    for (const { name, kind } of entries(folder)) if (kind === 'file') this.#leave(name);
  }

  #leave(name: string): void {
    const end = extension(name);
    this.leftAside.set(end, (this.leftAside.get(end) ?? 0) + 1);
  }
}

interface Entry {
  readonly name: string;
  readonly kind: 'file' | 'folder';
}

/** Files and folders, links followed, in the order of their names; hidden ones and broken links are passed over. */
function entries(folder: string): Entry[] {
  const found: Entry[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const { name } = entry;
    if (name.startsWith('.')) continue;
    const what = entry.isSymbolicLink() ? statSync(join(folder, name), { throwIfNoEntry: false }) : entry;
    if (what?.isDirectory()) found.push({ name, kind: 'folder' });
    else if (what?.isFile()) found.push({ name, kind: 'file' });
  }
  return found.sort((a, b) => byCodeUnits(a.name, b.name));
}

function subfolders(folder: string): string[] {
  return entries(folder).flatMap(({ name, kind }) => (kind === 'folder' ? [name] : []));
}

interface SetFolders {
  readonly sets: Readonly<Partial<Record<Part, string>>>;
  /** Names of what lies beside them. */
  readonly others: readonly string[];
}

/** Without sets the folder is taken to hold the classes themselves, one of which may be called as a set is. */
function setFolders(root: string): SetFolders {
  const found = subfolders(root);
  const claims = parts
    .map(part => ({ part, folders: found.filter(name => names[part].includes(name.toLowerCase())) }))
    .filter(({ folders }) => folders.length > 0);
  const claimed = claims.flatMap(({ folders }) => folders);
  const others = found.filter(name => !claimed.includes(name));
  const isUsable = (name: string): boolean => subfolders(join(root, name)).length > 0;
  const train = claims.find(({ part }) => part === 'train')?.folders.some(isUsable) ?? false;
  if (claims.length === 0 || (claims.length === 1 && others.length > 0 && !train))
    return { sets: {}, others: [] };
  const twice = claims.find(({ folders }) => folders.length > 1);
  if (twice) {
    throw new DataError({
      problem: `two folders are named as the ${twice.part} set`,
      given: `${root}: ${twice.folders.join(', ')}`,
      mend: 'keep one of them there, or join them',
    });
  }
  if (!train) {
    throw new DataError({
      problem: 'the folder holds sets, but none to train on',
      given: `${root}: ${claimed.map(name => contents(join(root, name))).join(', ')}`,
      allowed: layouts,
      mend: mending(
        root,
        'lay the training images out in one folder for each class, below train; or name the label of each in a manifest (.csv, .jsonl)',
      ),
    });
  }
  return {
    sets: Object.fromEntries(claims.map(({ part, folders }) => [part, join(root, ...folders)])),
    others,
  };
}

/** E.g. `test (28 images, 0 folders)`. */
function contents(folder: string): string {
  const found = entries(folder);
  const images = found.filter(({ name, kind }) => kind === 'file' && isImageName(name)).length;
  const folders = found.filter(({ kind }) => kind === 'folder').length;
  return `${basename(folder)} (${images} images, ${folders} folders)`;
}

function labelOf(name: string, classes: readonly string[], folder: string): number {
  const label = classes.indexOf(name);
  if (label >= 0) return label;
  const same = classes.some(other => other.normalize() === name.normalize());
  throw new DataError({
    problem: same
      ? 'a class that is written as one of training, but in other Unicode characters (NFC or NFD, as macOS writes names)'
      : `a class that is not among those of training${didYouMean(name, classes)}`,
    given: join(folder, name),
    allowed: shortList(classes),
    mend: 'rename the folder, or add one of its name to the training folder',
  });
}

function requireFolder(root: string): void {
  if (existsSync(root) && statSync(root).isDirectory()) return;
  throw new DataError({
    problem: existsSync(root) ? 'the image folder is not a folder' : 'the image folder does not exist',
    given: root,
    mend: 'give the folder that holds train and val, or one folder for each class',
  });
}

/** What else may be meant by a folder of archives, or of folders of them. */
function mending(root: string, otherwise: string): string {
  const folders = [root, ...subfolders(root).map(name => join(root, name))];
  if (!folders.some(folder => entries(folder).some(({ name }) => /\.(tar(\.\w+)?|tgz)$/i.test(name))))
    return otherwise;
  return 'give the folder in which the .tar files of shards lie, with no folders beside them, not compressed; their names begin with train, val or test';
}

function requireClasses(root: string, classes: readonly string[], { labels, leftAside }: Files): void {
  if (new Set(labels).size >= 2) return;
  const others = [...leftAside].map(([end, count]) => `${count} ${end || 'without extension'}`).join(', ');
  throw new DataError({
    problem: 'there are no images of two classes to train on in the folder',
    given: `${root}: ${labels.length} images in ${classes.length} folders${others ? `; other files: ${others}` : ''}`,
    allowed: `${layouts}, with two classes or more; files that end in ${allowedExtensions}`,
    mend: mending(root, 'lay the images out in one folder for each class'),
  });
}
