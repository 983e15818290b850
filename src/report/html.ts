/** HTML text that cannot hold an unescaped string. */

/** Markup; only `html` and `trusted` make it. */
export class Html {
  constructor(readonly text: string) {}
}

type Value = string | number | Html | readonly Value[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function markup(value: Value): string {
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(markup).join('');
  return String(value).replace(/[&<>"']/g, character => entities[character] ?? '');
}

/** Markup with every interpolated string escaped, for text and quoted attributes alike; arrays are joined. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(markup)));
}

/** Markup from a source that escapes for itself. */
export function trusted(text: string): Html {
  return new Html(text);
}

export const nothing = new Html('');

/** A PNG or a JPEG as an address that needs no network. */
export function dataUrl(image: Uint8Array): string {
  const kind = image[0] === 0xff ? 'jpeg' : 'png';
  return `data:image/${kind};base64,${Buffer.from(image).toString('base64')}`;
}
