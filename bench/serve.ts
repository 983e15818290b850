/** `gfnet serve` under load on this machine: beside the model alone, beyond what it can answer, and with a process that is killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportModel } from '../src/cli/export.js';
import { encodePng } from '../src/data/decode.js';
import { exportGraphs } from '../src/export/graphs.js';
import { writeBundle } from '../src/export/bundle.js';
import { openData } from '../src/data/open.js';
import { spread } from '../src/model/spread.js';
import { GFNet } from '../src/predict/index.js';
import { stream } from '../src/random/index.js';
import { ServeOptions } from '../src/serve/options.js';
import { closedLoad, openLoad, percentile } from './load.js';
import type { Load } from './load.js';
import { photograph } from './loader.js';
import { packaged, preset, seed } from './subject.js';
import { side, untrained } from './untrained.js';

/** How far beyond capacity requests come. */
const overload = { factor: 3, seconds: 12 };
/** How soon a request is to be answered where nothing else is said, in milliseconds. */
const { deadline } = ServeOptions.parse({});
/** Requests at a time where the server is to do what it can: four batches. */
const connections = 64;
/** Bodies that take turns. */
const bodies = 32;

/** What one load gave. */
export interface Serving {
  readonly network: string;
  readonly work: 'full' | 'overload' | 'killed';
  readonly sent: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Of requests that were taken in, in milliseconds; half of them, and all but one in a hundred, took no longer. */
  readonly p50: number;
  readonly p99: number;
  /** Predictions a second. */
  readonly imagesPerSecond: number;
  /** Of the same images streamed through the same bundle in one process; null where it was not measured. */
  readonly aloneImagesPerSecond: number | null;
  readonly target: string;
  readonly met: boolean | null;
}

export interface ServingOptions {
  readonly threads: number;
  readonly rounds: number;
  /** Of a turn. */
  readonly seconds: number;
  /** The paper's network that is served beside the packaged model. */
  readonly network: string;
  readonly report: (message: string) => void;
}

interface Subject {
  readonly network: string;
  readonly bundle: string;
  readonly images: readonly Uint8Array[];
}

export async function measureServing(options: ServingOptions): Promise<Serving[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gfnet-bench-'));
  try {
    const subjects = [
      await packagedSubject(join(folder, 'digits')),
      await large(options.network, join(folder, 'large')),
    ];
    const found: Serving[] = [];
    for (const subject of subjects) found.push(...(await measureSubject(subject, options)));
    return found;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The packaged model and canvases of its test set. */
async function packagedSubject(bundle: string): Promise<Subject> {
  await exportModel(packaged.folder, bundle);
  const { test, close } = openData(preset(packaged.preset).data, { decoders: 1 });
  const { height, width, channels } = test.shape;
  const size = height * width * channels;
  const pixels = new Float32Array(bodies * size);
  const indices = Int32Array.from({ length: bodies }, (_, i) => i);
  await test.read(indices, 0, pixels, new Int32Array(bodies));
  await close?.();
  const images = await Promise.all(
    Array.from(indices, i => encodePng(pixels.subarray(i * size, (i + 1) * size), test.shape)),
  );
  return { network: 'cluttered-60', bundle, images };
}

/** A network of the paper and photographs. It was never trained, so it is never sure: every image takes all steps. */
async function large(network: string, bundle: string): Promise<Subject> {
  const { config, model, dispose } = untrained(network);
  const { files, steps } = exportGraphs(model);
  const fields = {
    name: network,
    classes: model.classes,
    image: { side, channels: 3 as const },
    preprocessing: {},
    patch: config.patch,
    steps: steps.map((graph, t) => ({ graph, multiAdds: model.multiAdds[t] ?? 0 })),
    calibration: [],
    riskPath: [],
    source: { stage: 'untrained', sha256: '' },
    verification: { images: [], difference: 0 },
    int8: null,
    created: new Date().toISOString(),
    programVersion: '',
  };
  writeBundle(bundle, { manifest: fields, files }, new Map());
  dispose();
  const random = stream(seed, 'photographs');
  const images: Uint8Array[] = [];
  for (let i = 0; i < bodies; i++) images.push(await photograph(random));
  return { network, bundle, images };
}

async function measureSubject(subject: Subject, options: ServingOptions): Promise<Serving[]> {
  const { network, bundle, images } = subject;
  const { threads, rounds, seconds, report } = options;
  const server = await Server.start(bundle, threads);
  const model = await GFNet.load(bundle, { threads });
  try {
    const alone = async (count: number): Promise<number> => {
      const started = performance.now();
      const sources = Array.from({ length: count }, (_, i) => images[i % images.length] ?? new Uint8Array());
      for await (const outcome of model.stream(sources, { batchSize: 16 }))
        if ('error' in outcome) throw outcome.error;
      return (1000 * count) / (performance.now() - started);
    };
    const served = (amount: number): Promise<Load> =>
      closedLoad(server.predict, images, { connections, amount });
    report(`serve: ${network}`);
    await served(connections);
    await alone(connections);
    const count = Math.max(2 * connections, Math.round(seconds * (await alone(2 * connections))));
    const turns: { load: Load; alone: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      report(`serve: ${network}, round ${round + 1} of ${rounds}, ${count} images a turn`);
      turns.push({ load: await served(count), alone: await alone(count) });
    }
    const loads = turns.map(({ load }) => load);
    const full: Serving = {
      ...summary(network, 'full', merged(loads)),
      aloneImagesPerSecond: spread(turns.map(turn => turn.alone)).median,
      target: 'all answered with 200',
      met: loads.every(({ sent, statuses }) => statuses.get(200) === sent),
    };
    const rate = overload.factor * full.imagesPerSecond;
    report(`serve: ${network}, ${rate.toFixed(0)} requests a second`);
    const flood = await openLoad(server.predict, images, { rate, seconds: overload.seconds });
    const over = summary(network, 'overload', flood);
    return [
      full,
      {
        ...over,
        target: `none lost, p99 < ${deadline} ms`,
        met: only(flood, [200, 503, 504]) && over.p99 < deadline,
      },
      await killed(subject, server, count, report),
    ];
  } finally {
    await model.dispose();
    await server.stop();
  }
}

/** Kills the process with the model amid a load. */
async function killed(
  { network, images }: Subject,
  server: Server,
  amount: number,
  report: ServingOptions['report'],
): Promise<Serving> {
  report(`serve: ${network}, a process is killed`);
  const lostBefore = await server.metric('gfnet_workers_lost_total');
  const load = closedLoad(server.predict, images, { connections, amount });
  // As soon as there is work that can be lost.
  const before = await server.metric('gfnet_batch_images_count');
  while ((await server.metric('gfnet_batch_images_count')) < before + 2);
  const [child = 0] = server.children();
  process.kill(child, 'SIGKILL');
  const found = await load;
  const lost = (await server.metric('gfnet_workers_lost_total')) - lostBefore;
  const replaced = lost === 1 && !server.children().includes(child) && server.children().length === 1;
  return {
    ...summary(network, 'killed', found),
    target: 'replaced, all answered',
    met: replaced && only(found, [200, 500, 503, 504]),
  };
}

function only({ statuses }: Load, allowed: readonly number[]): boolean {
  return [...statuses.keys()].every(status => allowed.includes(status));
}

/** Several loads, one after the other. */
function merged(loads: readonly Load[]): Load {
  const statuses = new Map<number, number>();
  for (const load of loads)
    for (const [status, count] of load.statuses) statuses.set(status, (statuses.get(status) ?? 0) + count);
  const sum = (of: (load: Load) => number): number => loads.reduce((total, load) => total + of(load), 0);
  return {
    sent: sum(({ sent }) => sent),
    statuses,
    accepted: loads.flatMap(({ accepted }) => accepted),
    milliseconds: sum(({ milliseconds }) => milliseconds),
  };
}

function summary(
  network: string,
  work: Serving['work'],
  { sent, statuses, accepted, milliseconds }: Load,
): Omit<Serving, 'target' | 'met'> {
  return {
    network,
    work,
    sent,
    statuses: Object.fromEntries(statuses),
    p50: percentile(accepted, 0.5),
    p99: percentile(accepted, 0.99),
    imagesPerSecond: (1000 * (statuses.get(200) ?? 0)) / milliseconds,
    aloneImagesPerSecond: null,
  };
}

/** `gfnet serve` as a process of its own, on a port of the loopback interface that is free. */
class Server {
  private constructor(
    private readonly url: string,
    private readonly process: ReturnType<typeof spawn>,
  ) {}

  static async start(bundle: string, threads: number): Promise<Server> {
    const program = join(import.meta.dirname, '../src/cli/main.js');
    const args = ['serve', bundle, '--port', '0', '--threads', String(threads)];
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      const [, url] = /listening on (\S+)/.exec(chunk.toString()) ?? [];
      if (url !== undefined) return new Server(url, child);
    }
    throw new Error('the server ended before it listened');
  }

  get predict(): string {
    return `${this.url}/predict`;
  }

  /** Process ids, as Linux tells them. */
  children(): number[] {
    const { pid = 0 } = this.process;
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const line = text.split('\n').find(line => line.startsWith(`${name} `));
    return Number(line?.split(' ')[1] ?? NaN);
  }

  async stop(): Promise<void> {
    this.process.kill('SIGTERM');
    if (this.process.exitCode === null) await once(this.process, 'exit');
  }
}
