/** Opens a data set, takes its first training batch, and tells how long that took. The argument: `data` of a configuration, in JSON. */
import { DataConfig } from '../src/data/config.js';
import { batches, shuffled } from '../src/data/loader.js';
import { openData } from '../src/data/open.js';

const config = DataConfig.parse(JSON.parse(process.argv[2] ?? ''));
const started = performance.now();
const { train, close } = openData(config);
for await (const { size } of batches(train, {
  order: shuffled(train, 1, 0),
  batchSize: 64,
  epoch: 0,
  dropLast: true,
})) {
  if (size > 0) break;
}
const seconds = (performance.now() - started) / 1000;
const mebibytes = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify({ seconds, mebibytes }));
await close?.();
