/** Lists shards in the WebDataset format: tar files in which NAME.jpg and NAME.cls (or NAME.json with a label) belong together. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DataError } from '../../errors/index.js';
import type { Part } from '../dataset.js';
import { parts } from '../dataset.js';
import type { Listing } from './listing.js';
import { byCodeUnits, extension, isImageName, shortList, sortedClasses } from './listing.js';
import type { TarEntry, TarFile } from './tar.js';
import { cutOff, tarEntries, withTar } from './tar.js';

/** By how the name of a shard begins; all others are of no split. */
const beginnings: readonly (readonly [RegExp, Part])[] = [
  [/^train/i, 'train'],
  [/^val/i, 'validation'],
  [/^test/i, 'test'],
];

/** A class that is looked up for each image is read by its small file: longer ones hold something else. */
const longestLabel = 65536;

/** Whether these are shards, and no archives that lie beside folders of images. */
export function holdsShards(folder: string): boolean {
  const shown = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
  return shown.some(({ name }) => isShard(name)) && !shown.some(entry => entry.isDirectory());
}

function isShard(name: string): boolean {
  return /^[^.].*\.tar$/i.test(name);
}

/** @throws DataError when there are no shards, or what they hold are not labelled images */
export function listShards(folder: string): Listing {
  const shards = existsSync(folder) ? readdirSync(folder).filter(isShard).sort(byCodeUnits) : [];
  const images: TarEntry[] = [];
  const shardOf: number[] = [];
  const labels: string[] = [];
  const given: Partial<Record<Part, number[]>> = {};
  const found: Findings = { openEnded: [], links: [] };
  shards.forEach((name, shard) => {
    const part = beginnings.find(([pattern]) => pattern.test(name))?.[1];
    for (const { image, label } of samplesOf(join(folder, name), found)) {
      const place = images.push(image) - 1;
      shardOf.push(shard);
      labels.push(label);
      if (part) (given[part] ??= []).push(place);
    }
  });
  const classes = sortedClasses(labels);
  if (classes.length < 2) {
    throw new DataError({
      problem: 'there are no images of two classes in the shards',
      given: `${folder}: ${shards.length} .tar files, ${images.length} images, ${classes.length} classes`,
      allowed: 'a folder of .tar files, in which NAME.jpg and NAME.cls belong together',
    });
  }
  const name = `shards ${basename(folder)}`;
  const indices = new Map(classes.map((name, i) => [name, i]));
  return {
    name,
    classes,
    labels: Int32Array.from(labels, name => indices.get(name) ?? 0),
    source: index => {
      const path = join(folder, shards[shardOf[index] ?? 0] ?? '');
      const { name = '', start = 0, bytes = 0 } = images[index] ?? {};
      return { path, stretch: { name, start, bytes } };
    },
    given: Object.fromEntries(
      parts.flatMap(part => {
        const places = given[part];
        return places ? [[part, Int32Array.from(places)]] : [];
      }),
    ),
    leftAside: new Map(),
    notes: notesOf(name, found),
  };
}

interface Sample {
  readonly image: TarEntry;
  readonly label: string;
}

/** What a user should know of what is in the shards. */
interface Findings {
  /** Shards without the mark that ends an archive. */
  readonly openEnded: string[];
  /** Images that are links. */
  readonly links: string[];
}

function notesOf(name: string, { openEnded, links }: Findings): string[] {
  return [
    ...(openEnded.length > 0
      ? [
          `${name}: ${openEnded.length} shards have no end-of-archive mark, and may be cut off: ${shortList(openEnded)}`,
        ]
      : []),
    ...(links.length > 0
      ? [
          `${name}: ${links.length} images are links and are left aside (tar --dereference --hard-dereference writes files): ${shortList(links)}`,
        ]
      : []),
  ];
}

/** Entries that follow each other and have the same name up to its first dot are one sample. */
function samplesOf(path: string, { openEnded, links }: Findings): Sample[] {
  return withTar(path, tar => {
    const samples: Sample[] = [];
    let key = '';
    let entries: TarEntry[] = [];
    const name = basename(path);
    const finish = (): void => {
      const sample = sampleOf(tar, key, entries, openEnded.at(-1) === name);
      if (sample) samples.push(sample);
      entries = [];
    };
    for (const entry of tarEntries(tar, () => openEnded.push(name))) {
      if (isHidden(entry.name)) continue;
      if (entry.isLink) {
        if (isImageName(entry.name)) links.push(`${name}: ${entry.name}`);
        continue;
      }
      const own = keyOf(entry.name);
      if (own !== key) finish();
      key = own;
      entries.push(entry);
    }
    finish();
    return samples;
  });
}

/** As in folders; macOS puts `._NAME` beside each file. */
function isHidden(name: string): boolean {
  return name.split('/').some(part => part.startsWith('.') && part !== '.' && part !== '..');
}

function keyOf(name: string): string {
  const slash = name.lastIndexOf('/');
  const dot = name.indexOf('.', slash + 1);
  return dot < 0 ? name : name.slice(0, dot);
}

/** `isLast`: the archive ends after it, without a mark. */
function sampleOf(
  { path, size, readAt }: TarFile,
  key: string,
  entries: readonly TarEntry[],
  isLast: boolean,
): Sample | undefined {
  const image = entries.find(({ name }) => isImageName(name));
  if (!image) return undefined;
  const cls = entries.find(({ name }) => extension(name) === '.cls');
  const json = entries.find(({ name }) => extension(name) === '.json');
  const said = cls ?? json;
  const text = said && said.bytes <= longestLabel ? readAt(said.start, said.bytes).toString('utf8') : '';
  const label = cls ? text.trim() : labelIn(text);
  if (label !== '') return { image, label };
  if (isLast) throw cutOff(path, size, image.name);
  throw new DataError({
    problem: 'an image in a shard has no label',
    given: `${path}: ${image.name}`,
    allowed: `beside it ${key}.cls with the class, or ${key}.json with "label"; a link is neither`,
  });
}

function labelIn(json: string): string {
  try {
    const value: unknown = JSON.parse(json);
    const label: unknown =
      typeof value === 'object' && value !== null ? Reflect.get(value, 'label') : undefined;
    return typeof label === 'number' || typeof label === 'string' ? String(label) : '';
  } catch {
    return '';
  }
}
