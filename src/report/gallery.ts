/** The gallery: for each image where the network looked, what it saw there, and what it believed after each step. */
import { boxes } from './boxes.js';
import { stepColor } from './colors.js';
import { percent } from './format.js';
import { dataUrl, html, nothing, type Html } from './html.js';
import { viewOf, type Gallery, type GallerySample } from './sample.js';

const groups = [
  { key: 'right', title: 'Right' },
  { key: 'worst', title: 'Wrong, and surest of it' },
  { key: 'wrong', title: 'Wrong' },
  { key: 'longest', title: 'Needed most steps' },
] as const;

export function galleryView(gallery: Gallery): Html {
  return html`${groups.map(({ key, title }) =>
    gallery[key].length === 0
      ? nothing
      : html`<h3>${title}</h3>
          <div class="gallery">${gallery[key].map((sample, i) => card(sample, `${key}-${i}`))}</div>`,
  )}`;
}

function card(sample: GallerySample, id: string): Html {
  const { name, truth, predicted, exitStep, side } = sample;
  const verdict = truth === predicted ? 'right' : 'wrong';
  return html`<article class="sample ${verdict}">
    <h4>
      ${predicted} ${truth === predicted ? '' : html`<small>but it is ${truth}</small>`}
      <small class="after">after step ${exitStep}</small>
    </h4>
    <p class="name"><small>${name}</small></p>
    <div class="look">
      <svg class="image" viewBox="0 0 ${side} ${side}" role="img" aria-label="${description(sample)}">
        ${boxes(sample, id)}
      </svg>
      <ol class="seen">
        <li>
          <img src="${dataUrl(sample.glance)}" alt="The glance: the whole image, small" />
          <span style="--step:${stepColor(1)}">1</span>
        </li>
        ${sample.crops.map(
          ({ box, step }) =>
            html`<li class="${step > exitStep ? 'late' : ''}">
              <svg viewBox="${viewOf(box)}" role="img" aria-label="What step ${step} saw">
                <use href="#${id}" />
              </svg>
              <span style="--step:${stepColor(step)}">${step}</span>
            </li>`,
        )}
      </ol>
    </div>
    <ol class="beliefs">
      ${sample.beliefs.map(
        ({ step, top }) =>
          html`<li class="${step > exitStep ? 'late' : ''}" style="--step:${stepColor(step)}">
            <span class="number">${step}</span>
            <ul>
              ${top.map(
                ({ label, probability }) =>
                  html`<li style="--p:${percent(probability, 1)}%" class="${label === truth ? 'true' : ''}">
                    <span class="label">${label}</span><span class="p">${percent(probability, 1)} %</span>
                  </li>`,
              )}
            </ul>
          </li>`,
      )}
    </ol>
  </article>`;
}

function description({ crops, truth, predicted, exitStep }: GallerySample): string {
  const places = crops.map(
    ({ box, step }) => `step ${step} at row ${box.row}, column ${box.column}, ${box.size} pixels wide`,
  );
  return `Image of ${truth}, answered ${predicted} after step ${exitStep}. Looked at: ${places.join('; ') || 'nothing but the glance'}.`;
}
