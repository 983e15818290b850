/** From `--preset`, `--config` and `--set` to a configuration. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { presets } from '../../training/presets.js';
import { TrainConfig } from '../../training/config.js';
import { configuredSide, DataConfig } from '../data/config.js';
import { holdsShards } from '../data/images/shards.js';
import { unknownName } from '../errors/did-you-mean.js';
import { fitting } from '../errors/fitting.js';
import { ConfigError, UsageError } from '../errors/index.js';
import { NetworkConfig } from '../model/config.js';

export interface ConfigOptions {
  readonly preset?: string | undefined;
  readonly config?: string | undefined;
  /** A folder of images, or a manifest. */
  readonly data?: string | undefined;
  readonly set?: readonly string[] | undefined;
}

/** What a folder of images is trained with where nothing else is said. */
const presetForImages = 'photos-96';

/** @throws ConfigError, UsageError */
export function readConfig({ data, config, set = [], ...options }: ConfigOptions): TrainConfig {
  const preset = options.preset ?? (data !== undefined && config === undefined ? presetForImages : undefined);
  if (preset === undefined && config === undefined) {
    throw new UsageError({
      problem: 'a new run needs --data, --preset or --config',
      given: 'none of them',
      allowed: `--preset ${Object.keys(presets).join(' | ')}; --config FILE; or both: what the file says goes before the preset`,
    });
  }
  return parseConfig(merged({ data, config, preset }), set, sourceOf({ config, preset }));
}

/** The data alone: a file of which nothing else is asked. @throws ConfigError, UsageError */
export function readData({ set = [], ...options }: ConfigOptions): DataConfig {
  const value = structuredClone(merged(options));
  for (const assignment of set) assign(value, assignment);
  return fitting(DataConfig, isRecord(value) ? value.data : undefined, {
    problem: `the data of ${sourceOf(options)} does not fit`,
    mend: 'README, "Data", lists the kinds and their keys; they stand under the key data',
  });
}

/** The network of a configuration that says nothing of data; undefined of one that does. @throws ConfigError, UsageError */
export function readNetwork({ set = [], ...options }: ConfigOptions): NetworkConfig | undefined {
  const value = structuredClone(merged(options));
  for (const assignment of set) assign(value, assignment);
  if (!isRecord(value) || value.data !== undefined || value.network === undefined) return undefined;
  return fitting(NetworkConfig, value.network, {
    problem: `the network of ${sourceOf(options)} does not fit`,
    mend: 'README, "Configuration", lists every key',
  });
}

function merged({ preset, config, data }: ConfigOptions): unknown {
  const base = preset === undefined ? {} : choosePreset(preset);
  const whole = config === undefined ? base : merge(base, readFile(config));
  return data === undefined ? whole : withData(whole, data);
}

function sourceOf({ preset, config, data }: ConfigOptions): string {
  const sources = [
    ...(preset === undefined ? [] : [`preset ${preset}`]),
    ...(config === undefined ? [] : [config]),
    ...(data === undefined ? [] : [data]),
  ];
  return sources.join(' and ');
}

function imagesAt(path: string): { readonly kind: string } & Readonly<Record<string, string>> {
  if (/\.(csv|jsonl|ndjson)$/i.test(path)) return { kind: 'manifest', file: path };
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  return { kind: isFolder && holdsShards(path) ? 'shards' : 'folder', folder: path };
}

/** The images of `path`, with what the configuration says of how to take them. */
function withData(config: unknown, path: string): unknown {
  const source = imagesAt(path);
  if (!isRecord(config)) return config;
  const { data } = config;
  return { ...config, data: isRecord(data) && data.kind === source.kind ? { ...data, ...source } : source };
}

/** `over` before `base`, key by key; an object that says which of several kinds it is replaces the other whole. */
function merge(base: unknown, over: unknown): unknown {
  if (!isRecord(base) || !isRecord(over) || 'kind' in over || 'name' in over) return over;
  return {
    ...base,
    ...Object.fromEntries(
      Object.entries(over).map(([key, value]) => [
        key,
        Object.hasOwn(base, key) ? merge(base[key], value) : value,
      ]),
    ),
  };
}

/** `value` with the assignments `set` made. @throws ConfigError with each fault's place, UsageError */
export function parseConfig(value: unknown, set: readonly string[], source: string): TrainConfig {
  const changed = structuredClone(value);
  for (const assignment of set) assign(changed, assignment);
  const config = fitting(TrainConfig, changed, {
    problem: `the configuration from ${source} does not fit`,
    mend: 'README, "Configuration", lists every key',
  });
  const { data, network } = config;
  const side = configuredSide(data);
  if (side !== undefined && network.patch > side) {
    throw new ConfigError({
      problem: 'the patch is larger than the image',
      given: `network.patch ${network.patch}, images of ${side} x ${side} pixels`,
      allowed: 'patch <= side of the image',
    });
  }
  return config;
}

function choosePreset(name: string): unknown {
  if (Object.hasOwn(presets, name)) return presets[name];
  throw unknownName('preset', name, Object.keys(presets));
}

function readFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ConfigError({
      problem: 'the configuration file cannot be read',
      given: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      allowed: 'a JSON file',
      cause,
    });
  }
}

/** `a.b=value`: the value is JSON, or else text. Objects on the way are made; the schema refuses those it does not know. */
function assign(config: unknown, assignment: string): void {
  const equals = assignment.indexOf('=');
  const path = assignment.slice(0, equals).split('.');
  const last = path.pop();
  let node: unknown = config;
  for (const name of path) {
    if (!isRecord(node)) break;
    if (!Object.hasOwn(node, name)) node[name] = {};
    node = node[name];
  }
  if (equals < 1 || last === undefined || !isRecord(node)) {
    throw new UsageError({
      problem: '--set does not fit',
      given: assignment,
      allowed: 'KEY=VALUE with a key of the configuration, e.g. stage1.epochs=10',
    });
  }
  const text = assignment.slice(equals + 1);
  try {
    node[last] = JSON.parse(text);
  } catch {
    node[last] = text;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
