/** What the tests of image sets share: folders of small real files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

/** A flat picture; its format by the end of the name. */
export async function picture(
  path: string,
  level: number | readonly [number, number, number],
  size: { width: number; height: number } = { width: 12, height: 10 },
): Promise<string> {
  mkdirSync(dirname(path), { recursive: true });
  const [r, g, b] = typeof level === 'number' ? [level, level, level] : level;
  await sharp({ create: { ...size, channels: 3, background: { r, g, b } } }).toFile(path);
  return path;
}

/** ROOT/[PART/]CLASS/I.png for each class; the level of image i of class c is 60 c + i. */
export async function classFolders(
  root: string,
  classes: readonly string[],
  count: number,
  part = '.',
): Promise<void> {
  for (const [c, name] of classes.entries()) {
    for (let i = 0; i < count; i++) await picture(join(root, part, name, `${i}.png`), 60 * c + i);
  }
}

export function broken(path: string, content = 'no image'): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
