/** The report's style sheet: system fonts, light and dark, screen, phone and paper. */

/** The page's colours by day. */
export const lightColors: Readonly<Record<string, string>> = {
  surface: '#fbfbfa',
  panel: '#ffffff',
  ink: '#1b1f24',
  muted: '#5c6672',
  line: '#e2e5e9',
  learned: '#2563eb',
  random: '#c2620a',
  centre: '#7c3aed',
  early: '#059669',
  wrong: '#c8322b',
  corners: '#0e7490',
  saliency: '#be185d',
  oracle: '#4d5761',
};

export const css = `
:root {
  color-scheme: light dark;
  ${Object.entries(lightColors)
    .map(([name, value]) => `--${name}: ${value};`)
    .join(' ')}
}
@media (prefers-color-scheme: dark) {
  :root {
    --surface: #121417; --panel: #1a1d21; --ink: #e8eaed; --muted: #9ba4af; --line: #30353c;
    --learned: #6ea8fe; --random: #f5a04c; --centre: #b79bff; --early: #34d399; --wrong: #ff7b72;
    --corners: #4fd1e5; --saliency: #f472b6; --oracle: #c3cad3;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--surface); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1080px; margin: 0 auto; padding: 48px 24px 64px; }
h1 { font-size: clamp(1.7rem, 4vw, 2.4rem); line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 12px; overflow-wrap: anywhere; }
h2 { font-size: 1.4rem; letter-spacing: -0.01em; margin: 0 0 16px; }
h3 { font-size: 1.05rem; margin: 28px 0 12px; }
p { margin: 0 0 16px; max-width: 72ch; }
small { color: var(--muted); font-size: 0.8125rem; font-weight: 400; }
code { font: 0.875em ui-monospace, 'SF Mono', Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.kicker { color: var(--learned); font-size: 0.8125rem; font-weight: 600; letter-spacing: 0.04em; margin: 0 0 6px; }
.lead { color: var(--muted); }
section { margin-top: 56px; }
footer { margin-top: 56px; padding-top: 20px; border-top: 1px solid var(--line); color: var(--muted); font-size: 0.875rem; }
footer p { margin-bottom: 6px; }

.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(47%, 200px), 1fr)); gap: 12px; margin: 28px 0 0; }
.cards div { display: flex; flex-direction: column; background: var(--panel); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; }
.cards dt { order: 1; font-size: 0.9375rem; }
.cards dd { margin: 0; font-size: 1.9rem; font-weight: 650; line-height: 1.2; letter-spacing: -0.02em; display: contents; }
.cards dd small { order: 2; letter-spacing: 0; margin-top: 4px; line-height: 1.4; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 24px; align-items: start; margin-bottom: 24px; }
.chart { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; margin: 0; padding: 16px 12px 12px; }
.chart figcaption { margin: 0 0 8px; padding-left: 8px; text-align: left; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 8px 0 0; padding: 0 0 0 8px; font-size: 0.875rem; }
.chart svg { display: block; width: 100%; height: auto; }

.scroll { overflow-x: auto; margin-bottom: 24px; }
table { border-collapse: collapse; font-size: 0.875rem; min-width: 100%; }
caption { text-align: left; font-weight: 600; padding-bottom: 8px; }
caption span { display: inline-block; max-width: calc(100vw - 32px); }
th, td { padding: 6px 12px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { color: var(--muted); font-weight: 500; }
tbody th { font-weight: 500; }
details { margin-bottom: 24px; }
summary { cursor: pointer; font-weight: 600; font-size: 0.875rem; padding: 4px 0 12px; }

.confusion { min-width: 0; }
.confusion th, .confusion td { border: 0; padding: 4px 6px; text-align: center; min-width: 42px; height: 34px; }
.confusion tbody th { text-align: right; }
.confusion td { border: 1px solid var(--surface); border-radius: 6px; }
.confusion .hit { background: color-mix(in srgb, var(--learned) calc(var(--shade) * 0.45), transparent); }
.confusion .miss { background: color-mix(in srgb, var(--wrong) calc(10% + var(--shade) * 0.9), transparent); }

.looks { display: flex; flex-wrap: wrap; gap: 20px; margin-bottom: 24px; }
.looks figure { margin: 0; width: min(200px, 44%); }
.looks.small { gap: 10px; margin-bottom: 12px; }
.looks.small figure { width: 84px; }
.looks svg { display: block; width: 100%; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
figcaption { color: var(--muted); font-size: 0.8125rem; margin-top: 6px; text-align: center; }

.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 316px), 1fr)); gap: 16px; }
.sample { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; padding: 14px; break-inside: avoid; content-visibility: auto; contain-intrinsic-size: auto 470px; }
.sample h4 { display: flex; align-items: baseline; gap: 8px; margin: 0 0 10px; font-size: 1.0625rem; overflow-wrap: anywhere; }
.sample h4::before { content: '✓'; color: var(--early); font-weight: 700; }
.sample .name { margin: -8px 0 10px; line-height: 1.3; overflow-wrap: anywhere; }
.sample.wrong h4::before { content: '✗'; color: var(--wrong); }
.after { margin-left: auto; white-space: nowrap; }
.look { display: flex; gap: 10px; align-items: flex-start; }
.image { flex: 1; min-width: 0; display: block; border-radius: 6px; background: #000; }
.seen { list-style: none; margin: 0; padding: 0; display: flex; flex-direction: column; gap: 6px; width: 60px; }
.seen li { position: relative; }
.seen img, .seen svg { display: block; width: 60px; height: 60px; border-radius: 4px; image-rendering: pixelated; object-fit: contain; background: #000; }
.seen span { position: absolute; left: 0; top: 0; }
.seen span, .number {
  display: inline-block; min-width: 18px; padding: 0 4px; background: var(--step); color: #111;
  font-size: 0.75rem; line-height: 18px; font-weight: 700; text-align: center; border-radius: 4px;
}
.late { opacity: 0.45; }
.beliefs { list-style: none; margin: 12px 0 0; padding: 0; display: grid; gap: 8px; }
.beliefs > li { display: flex; gap: 8px; }
.beliefs ul { list-style: none; margin: 0; padding: 0; flex: 1; min-width: 0; }
.beliefs ul li {
  display: flex; justify-content: space-between; gap: 8px; padding: 0 6px; font-size: 0.8125rem; line-height: 18px; border-radius: 3px;
  background: linear-gradient(color-mix(in srgb, var(--step) 38%, transparent) 0 0) 0 / var(--p) 100% no-repeat;
}
.beliefs .true .label { font-weight: 700; }
.label { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.p { color: var(--muted); white-space: nowrap; }

@media (max-width: 520px) {
  main { padding: 28px 16px 40px; }
  .confusion th, .confusion td { min-width: 30px; padding: 2px; font-size: 0.75rem; }
}
@media print {
  :root { --surface: #fff; }
  body { font-size: 13px; }
  main { max-width: none; padding: 0; }
  section { margin-top: 28px; }
  h2, h3, caption { break-after: avoid; }
  .cards { grid-template-columns: repeat(4, 1fr); }
  .columns { grid-template-columns: 1fr 1fr; gap: 12px; margin-bottom: 16px; }
  .chart, .cards div, .looks figure, tr { break-inside: avoid; }
  .scroll { overflow: visible; margin-bottom: 16px; }
  table { font-size: 0.72rem; }
  th, td { padding: 3px 6px; white-space: normal; }
  .confusion th, .confusion td { min-width: 24px; height: 22px; padding: 2px; }
  .gallery { grid-template-columns: repeat(3, 1fr); gap: 8px; }
  .sample { padding: 8px; content-visibility: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
