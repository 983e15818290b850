/** The ways to give the page an image: examples, a file, dropping one. */
import { element, find } from './dom.js';

export interface Chosen {
  readonly name: string;
  readonly image: Blob;
}

export interface Example {
  readonly name: string;
  readonly address: string;
}

/** Fetches the examples, so that they are there when the network is not. */
export async function offerExamples(
  examples: readonly Example[],
  choose: (chosen: Chosen) => void,
): Promise<Chosen | undefined> {
  const chosen = await Promise.all(
    examples.map(async ({ name, address }) => ({ name, image: await (await fetch(address)).blob() })),
  );
  const group = find('#examples', HTMLElement);
  const buttons = chosen.map(({ name, image }) => {
    const picture = element('img', { src: URL.createObjectURL(image), alt: name });
    return element('button', { type: 'button', 'aria-pressed': 'false' }, picture);
  });
  buttons.forEach((button, i) => {
    button.addEventListener('click', () => {
      release(button);
      const own = chosen[i];
      if (own) choose(own);
    });
  });
  group.replaceChildren(...buttons);
  buttons[0]?.setAttribute('aria-pressed', 'true');
  return chosen[0];
}

export function offerFiles(choose: (chosen: Chosen) => void): void {
  const input = find('#file', HTMLInputElement);
  const take = (file: File | null | undefined): void => {
    if (!file) return;
    release();
    choose({ name: file.name, image: file });
  };
  input.addEventListener('change', () => take(input.files?.[0]));
  const zone = find('#drop', HTMLElement);
  // Anywhere in the page: a file that misses the zone would otherwise replace it.
  document.addEventListener('dragover', event => {
    event.preventDefault();
    zone.classList.add('over');
  });
  document.addEventListener('dragleave', () => zone.classList.remove('over'));
  document.addEventListener('drop', event => {
    event.preventDefault();
    zone.classList.remove('over');
    take(event.dataTransfer?.files[0]);
  });
}

/** No example is the chosen one, but the one given. */
function release(pressed?: Element): void {
  for (const button of find('#examples', HTMLElement).children)
    button.setAttribute('aria-pressed', String(button === pressed));
}
