/** Images in two sets that look alike: of 64 bits of a hash of their looks, at most 3 differ. */
import { groupsBy } from './group.js';
import { nearPairs, tells } from './near.js';

export interface Look {
  /** Place in the listing. */
  readonly place: number;
  /** Number of its set. */
  readonly part: number;
  /** Hash of the file's bytes: that copies look alike is no news. */
  readonly bytes: bigint;
  /** Hash of its looks. */
  readonly look: bigint;
}

export interface Alike {
  /** Places in the listing: all images of one look, or one each of two looks that are near. The first two are in two sets. */
  readonly places: readonly number[];
  /** That differ. */
  readonly bits: number;
  /** Images that look the same as one of these, and are not among them. */
  readonly more: number;
}

/** Pairs that are kept: more than anyone looks at. */
const mostPairs = 10_000;

/** `further`: pairs of looks that are near as well, and were counted only. */
export function alikeImages(
  images: readonly Look[],
  kept = mostPairs,
): { readonly alike: readonly Alike[]; readonly further: number } {
  const groups = groupsBy(images, ({ look }) => look).filter(([image]) => image && tells(image.look));
  const alike: Alike[] = groups.flatMap(sameLook);
  const ofParts = groups.map(oneOfEachPart);
  const inTwoParts = (a: number, b: number): Look[] =>
    (ofParts[a] ?? []).flatMap(one => {
      const other = ofParts[b]?.find(({ part }) => part !== one.part);
      return other ? [one, other] : [];
    });
  let pairs = 0;
  nearPairs(
    BigUint64Array.from(groups, ([image]) => image?.look ?? 0n),
    ({ a, b, bits }) => {
      const [one, other] = inTwoParts(a, b);
      if (!one || !other || pairs++ >= kept) return;
      const more = (groups[a]?.length ?? 0) + (groups[b]?.length ?? 0) - 2;
      alike.push({ places: [one.place, other.place], bits, more });
    },
  );
  return { alike, further: Math.max(0, pairs - kept) };
}

/** Where two sets and different files are among them. */
function sameLook(group: readonly Look[]): Alike[] {
  const different = groupsBy(group, ({ part, bytes }) => `${part} ${bytes}`).flatMap(
    ([first]) => first ?? [],
  );
  const several = (key: 'part' | 'bytes'): boolean => new Set(different.map(image => image[key])).size > 1;
  if (!several('part') || !several('bytes')) return [];
  const places = [...new Set([...oneOfEachPart(different), ...different])].map(({ place }) => place);
  return [{ places, bits: 0, more: group.length - places.length }];
}

function oneOfEachPart(group: readonly Look[]): Look[] {
  return groupsBy(group, ({ part }) => part).flatMap(([first]) => first ?? []);
}
