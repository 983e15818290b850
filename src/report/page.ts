/** The frame of a page that needs neither network nor scripts. */
import { html, trusted, type Html } from './html.js';
import { css } from './style.js';

/** The whole file's text. */
export function page(title: string, lead: Html, body: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}: glance and focus</title>
        <style>
          ${trusted(css)}
        </style>
      </head>
      <body>
        <main>
          <header>
            <p class="kicker">Glance and focus</p>
            <h1>${title}</h1>
            ${lead}
          </header>
          ${body}
        </main>
      </body>
    </html> `.text;
}
