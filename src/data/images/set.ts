/** A set of listed images, prepared by a pool of threads. */
import { DataError, ImageError } from '../../errors/index.js';
import { integer, stream } from '../../random/index.js';
import type { Dataset, ImageShape } from '../dataset.js';
import type { Fault, Item } from './job.js';
import { nameOf, type Listing, type Source } from './listing.js';
import type { Pool } from './pool.js';
import type { Plan } from './prepare.js';

interface ImageSetOptions {
  /** E.g. `folder flowers/train`. */
  readonly name: string;
  readonly listing: Listing;
  /** Which of them are of this set, as places in the listing. */
  readonly places: Int32Array;
  readonly plan: Plan;
  readonly pool: Pool;
  readonly seed: number;
  /**
   * What becomes of an image that cannot be read: another of its class is taken, or of any where its class has none; it is left
   * out, its label -1; or it is an error.
   */
  readonly broken: 'replace' | 'omit' | 'fail';
  /** Told once of each image that cannot be read, unless that is an error. */
  readonly onBroken: (error: ImageError) => void;
}

/** Images drawn from a class, or from all, in the place of a broken one before more is done. */
const draws = 20;

export class ImageSet implements Dataset {
  readonly name: string;
  readonly size: number;
  readonly classes: readonly string[];
  readonly shape: ImageShape;
  /** Images that were found broken. */
  readonly #told = new Set<number>();
  /** Classes of which none can be read. */
  readonly #lost = new Set<number>();
  readonly #byClass = new Map<number, readonly number[]>();

  constructor(private readonly options: ImageSetOptions) {
    const { name, places, listing, plan } = options;
    const { height, width, channels } = plan.target;
    this.name = name;
    this.size = places.length;
    this.classes = listing.classes;
    this.shape = { height, width, channels };
  }

  /** @throws DataError when a broken image is an error, or no other can be read in its place; ImageError never */
  async read(indices: Int32Array, epoch: number, images: Float32Array, labels: Int32Array): Promise<void> {
    const { pool, plan, broken } = this.options;
    indices.forEach((index, i) => (labels[i] = this.label(index)));
    const items = [...indices].map(index => this.#item(index, epoch));
    for (const fault of await pool.prepare(items, plan, images)) {
      const { place } = fault;
      const index = indices[place] ?? 0;
      this.#report(index, fault);
      if (broken === 'omit') labels[place] = -1;
      else labels[place] = await this.#replace(index, epoch, images.subarray(...this.#span(place)));
    }
  }

  #item(index: number, epoch: number): Item {
    return { source: this.#source(index), index, epoch };
  }

  nameOf(index: number): string {
    return nameOf(this.#source(index));
  }

  #source(index: number): Source {
    const { listing, places } = this.options;
    return listing.source(places[index] ?? 0);
  }

  readonly label = (index: number): number => {
    const { listing, places } = this.options;
    return listing.labels[places[index] ?? 0] ?? 0;
  };

  #span(place: number): [number, number] {
    const { height, width, channels } = this.shape;
    const size = height * width * channels;
    return [place * size, (place + 1) * size];
  }

  #report(index: number, { explanation }: Fault): void {
    const { broken, onBroken } = this.options;
    if (broken === 'fail') {
      const mend = 'mend or remove the file; or leave such files out: --set data.broken=skip';
      throw new DataError({ ...explanation, mend });
    }
    if (this.#told.has(index)) return;
    this.#told.add(index);
    onBroken(new ImageError(explanation));
  }

  /** The label of what stands in. Which image that is depends on the seed and on it alone, so that a resumed run has the same. */
  async #replace(index: number, epoch: number, image: Float32Array): Promise<number> {
    const { pool, plan, name } = this.options;
    for (const other of this.#standIns(index)) {
      if (this.#told.has(other)) continue;
      const [fault] = await pool.prepare([this.#item(other, epoch)], plan, image);
      if (!fault) return this.label(other);
      this.#report(other, fault);
    }
    throw new DataError({
      problem: `no image can be read in the place of broken ones: ${draws} in a row are broken too`,
      given: name,
      mend: 'gfnet data check names all broken files; see also that the disk is there',
    });
  }

  *#standIns(index: number): Generator<number> {
    const { seed, name, onBroken } = this.options;
    const label = this.label(index);
    const others = this.#classOf(index);
    const random = stream(seed, name, 'replacement', index);
    for (let i = 0; i < draws; i++) yield others[integer(random, others.length)] ?? index;
    yield* others;
    if (!this.#lost.has(label)) {
      const problem = 'none of its images can be read: in training images of other classes take their place';
      onBroken(new ImageError({ problem, given: `class ${this.classes[label] ?? ''} of ${name}` }));
      this.#lost.add(label);
    }
    for (let i = 0; i < draws; i++) yield integer(random, this.size);
  }

  #classOf(index: number): readonly number[] {
    const label = this.label(index);
    const known = this.#byClass.get(label);
    if (known) return known;
    const members = Array.from({ length: this.size }, (_, i) => i).filter(i => this.label(i) === label);
    this.#byClass.set(label, members);
    return members;
  }
}
