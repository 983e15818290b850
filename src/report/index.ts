/** Results for people: the terminal's text, the offline report, and the README's picture. */
export { answersCsv } from './answers.js';
export { renderBundleCard } from './bundle-card.js';
export { renderCard } from './card.js';
export { compareRuns, renderComparison, renderComparisonPage } from './compare-runs.js';
export { figurePng } from './chart.js';
export { evaluationsFiles, evaluationsPage, evaluationsText } from './evaluations.js';
export { resultFiles, type ResultFile } from './files.js';
export { integer, multiAdds, percent } from './format.js';
export { picturePng, pictureSvg } from './picture.js';
export { preview } from './preview.js';
export { renderReport } from './report.js';
export { renderTable, renderTerminal } from './terminal.js';
export type { Gallery, GallerySample } from './sample.js';
export { renderWatch } from './watch.js';
