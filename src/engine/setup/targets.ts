/** The library for each platform: which wheel holds it, and how that is known to be the right one. */
import { EngineError } from '../../errors/index.js';
import { setupError } from './errors.js';
import type { Host } from './host.js';

export const tensorflowVersion = '2.21.0';

export interface Target {
  readonly name: string;
  /** Whether the set-up was ever run on this platform. */
  readonly tested: boolean;
  /** Package and platform tag as pip knows them. */
  readonly package: string;
  readonly wheelPlatform: string;
  readonly sha256: string;
  readonly wheelBytes: number;
  /** What is kept of the wheel, unpacked. */
  readonly unpackedBytes: number;
  /** The files the binding is linked with. */
  readonly libraries: readonly [string, string];
  readonly linkerFlags: readonly string[];
  /** The library of ours (native/quiet.cc) that silences TensorFlow's loading; only where a loader initialises it first. */
  readonly quietLibrary?: string;
  /** The dynamic linker's word for the folder of the file being loaded. */
  readonly origin: string;
}

const linux = {
  libraries: ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'],
  linkerFlags: ['-shared'],
  quietLibrary: 'libgfnet_quiet.so',
  origin: '$ORIGIN',
} as const;

const targets: Readonly<Record<string, Target>> = {
  'linux-x64': {
    ...linux,
    name: 'linux-x64',
    tested: true,
    package: 'tensorflow-cpu',
    wheelPlatform: 'manylinux_2_27_x86_64',
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    wheelBytes: 273_829_956,
    unpackedBytes: 900_699_210,
  },
  'linux-arm64': {
    ...linux,
    name: 'linux-arm64',
    tested: false,
    package: 'tensorflow',
    wheelPlatform: 'manylinux_2_27_aarch64',
    sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
    wheelBytes: 281_828_020,
    unpackedBytes: 930_500_000,
  },
  'darwin-arm64': {
    name: 'darwin-arm64',
    tested: false,
    package: 'tensorflow',
    wheelPlatform: 'macosx_12_0_arm64',
    sha256: '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88',
    wheelBytes: 223_405_849,
    unpackedBytes: 788_200_000,
    libraries: ['libtensorflow_cc.2.dylib', 'libtensorflow_framework.2.dylib'],
    linkerFlags: ['-bundle', '-undefined', 'dynamic_lookup'],
    origin: '@loader_path',
  },
};

/** Platforms for which tfjs-node's vendor publishes a library, built for glibc where that is a choice. */
const prebuiltFor = ['linux-x64', 'linux-arm64', 'linux-arm', 'darwin-x64', 'darwin-arm64', 'win32-x64'];

export function targetFor({ os, arch }: Host): Target | undefined {
  return targets[`${os}-${arch}`];
}

/** @throws EngineError where no wheel holds a library for this machine */
export function requireTarget(host: Host): Target {
  requireGlibc(host);
  const target = targetFor(host);
  if (target) return target;
  const unsupported = {
    problem: 'TensorFlow cannot be built for this platform',
    given: `${host.os}-${host.arch}`,
    allowed: Object.keys(targets).join(', '),
    mend: 'train on one of these (on Windows: inside WSL 2); predicting works here as it is',
  };
  throw hasPrebuilt(host) ? setupError(unsupported) : new EngineError(unsupported);
}

/** @throws EngineError where tfjs-node's vendor publishes no library for this machine */
export function requirePrebuilt(host: Host): void {
  requireGlibc(host);
  if (hasPrebuilt(host)) return;
  throw new EngineError({
    problem: 'there is no prebuilt library for this platform',
    given: `${host.os}-${host.arch}`,
    allowed: prebuiltFor.join(', '),
    mend: 'train on one of these; predicting works here as it is',
  });
}

function hasPrebuilt({ os, arch }: Host): boolean {
  return prebuiltFor.includes(`${os}-${arch}`);
}

function requireGlibc({ os, arch, musl }: Host): void {
  if (!musl) return;
  throw new EngineError({
    problem: 'TensorFlow needs the GNU C library, and this system has another (musl, as on Alpine)',
    given: `${os}-${arch}-musl`,
    mend: 'use a system with glibc, such as the container image node:22-bookworm',
  });
}
