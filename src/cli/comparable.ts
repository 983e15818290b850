/** What has to be so before several runs can be compared. */
import { resolve, sep } from 'node:path';
import { areFiles } from '../data/images/open.js';
import { DataError, UsageError } from '../errors/index.js';
import type { Subject } from './subject.js';

/** What tells each from the others: its path without what all begin with, `/` written `-`. @throws UsageError where one is given twice */
export function namesOf(paths: readonly string[]): string[] {
  const parts = paths.map(path => resolve(path).split(sep));
  const shortest = Math.min(...parts.map(({ length }) => length));
  const differs = (i: number) => new Set(parts.map(part => part[i])).size > 1;
  const found = Array.from({ length: shortest }, (_, i) => i).find(differs);
  const shared = Math.min(found ?? shortest, shortest - 1);
  const names = parts.map(part => part.slice(shared).join('-'));
  const again = names.find((name, i) => names.indexOf(name) !== i);
  if (again === undefined) return names;
  throw new UsageError({
    problem: 'a run is compared with itself',
    given: again,
    mend: 'name each run once',
  });
}

/** Images that training varies, or that are brought to another size, are the same images. */
const preparing = ['side', 'channels', 'resize', 'interpolation', 'augment', 'broken', 'distortion', 'train'];

/** @throws DataError where a run's test images are not those of the first */
export function requireSameData(subjects: readonly Subject[], names: readonly string[]): void {
  const told = ({ data }: Subject): string =>
    JSON.stringify(
      Object.fromEntries(
        Object.entries(data).filter(
          ([key]) => !preparing.includes(key) || (key === 'train' && !areFiles(data)),
        ),
      ),
    );
  const [first] = subjects;
  const other = subjects.findIndex(subject => first && told(subject) !== told(first));
  const subject = subjects[other];
  if (first === undefined || subject === undefined) return;
  throw new DataError({
    problem: 'these runs have different data, so nothing can be said of which is better',
    given: `${names[0] ?? ''}: ${told(first)}; ${names[other] ?? ''}: ${told(subject)}`,
    mend: 'name the images for all of them with --data, --preset or --config, or evaluate each by itself',
  });
}
