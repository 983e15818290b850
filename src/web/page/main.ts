/** The demo's page: an image is glanced at and focused on, look by look, and a threshold says where it would have stopped. */
import { decodeInPage, GFNet } from '../index.js';
import { showChart } from './chart.js';
import type { Chosen, Example } from './choose.js';
import { offerExamples, offerFiles } from './choose.js';
import { find } from './dom.js';
import type { Look } from './looks.js';
import { answering, certainty, millions, percent, titleOf } from './looks.js';
import { clearBoxes, showBox, showImage } from './picture.js';
import { spoken, stepItem } from './steps.js';

const slider = find('#threshold', HTMLInputElement);
const again = find('#again', HTMLButtonElement);
const list = find('#steps', HTMLElement);
const live = find('#live', HTMLElement);
const notice = find('#notice', HTMLElement);

/** Between two looks, so that one can follow them, in ms. */
const pause = matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 700;

async function start(): Promise<void> {
  const footer = find('#model', HTMLElement);
  const model = await GFNet.load('bundle/', {
    runtime: 'runtime/',
    onProgress: (loaded, total) => {
      footer.textContent = `Loading the model: ${Math.round((100 * loaded) / total)} %`;
    },
  });
  const total = model.multiAdds.reduce((sum, cost) => sum + cost, 0);
  let looks: Look[] = [];
  let chosen: Chosen | undefined;
  let running = new AbortController();

  function draw(): void {
    const threshold = Number(slider.value);
    const stopped = answering(looks, threshold);
    const saved = (look: Look): boolean => stopped !== undefined && look.step > stopped.step;
    find('#value', HTMLOutputElement).value = threshold < 1 ? percent(threshold) : 'never: all looks';
    slider.setAttribute('aria-valuetext', threshold < 1 ? percent(threshold) : 'never, all looks');
    list.replaceChildren(...looks.map(look => stepItem(look, saved(look))));
    clearBoxes();
    for (const look of looks) if (look.box) showBox(look.box, look.step, model.shape.height, saved(look));
    showChart(looks, threshold, total);
    find('#answer', HTMLElement).textContent = stopped ? verdict(stopped, total) : '';
  }

  async function watch(): Promise<void> {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    const replaced = (): boolean => signal.aborted;
    notice.textContent = '';
    if (!chosen) return;
    try {
      const { shape } = model;
      const pixels = await decodeInPage(chosen.image, shape);
      if (replaced()) return;
      showImage(pixels, shape, chosen.name);
      looks = [];
      draw();
      let spent = 0;
      for await (const belief of model.steps({ data: pixels, ...shape }, { threshold: 1, topK: 5 })) {
        if (belief.step > 1) await new Promise(resolve => setTimeout(resolve, pause));
        if (replaced()) return;
        spent += model.multiAdds[belief.step - 1] ?? 0;
        looks.push({ ...belief, spent });
        draw();
        live.textContent = spoken({ ...belief, spent });
      }
      again.disabled = false;
      live.textContent = find('#answer', HTMLElement).textContent;
    } catch (error) {
      if (!replaced()) tell(error);
    }
  }

  const choose = (next: Chosen): void => {
    chosen = next;
    void watch();
  };
  slider.addEventListener('input', draw);
  slider.addEventListener('change', () => (live.textContent = find('#answer', HTMLElement).textContent));
  again.addEventListener('click', () => void watch());
  offerFiles(choose);
  const { name, examples } = (await (await fetch('page.json')).json()) as Contents;
  const side = `${model.shape.width} x ${model.shape.height}`;
  const threads = crossOriginIsolated ? 'with threads' : 'on one thread';
  footer.textContent = `${name}: images of ${side} pixels, ${model.classes.length} classes; ONNX Runtime in WebAssembly, ${threads}.`;
  draw();
  const first = await offerExamples(examples, choose);
  if (first && !chosen) choose(first);
}

interface Contents {
  readonly name: string;
  readonly examples: readonly Example[];
}

function verdict(look: Look, total: number): string {
  const [best] = look.top;
  return `It answers “${best?.label ?? ''}” after ${look.step === 1 ? 'the glance' : titleOf(look).toLowerCase()}, sure to ${percent(certainty(look))}, for ${millions(look.spent)} of ${millions(total)} Multi-Adds (${Math.round((100 * look.spent) / total)} %).`;
}

function tell(error: unknown): void {
  notice.textContent = error instanceof Error ? error.message : String(error);
}

start().catch(tell);
