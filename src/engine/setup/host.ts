/** The machine the engine is set up on, as far as the choice of a library depends on it. */

export interface Host {
  readonly os: NodeJS.Platform;
  readonly arch: string;
  /** Linux with another C library than glibc (Alpine and the like). */
  readonly musl: boolean;
}

export const thisHost: Host = {
  os: process.platform,
  arch: process.arch,
  get musl() {
    return process.platform === 'linux' && glibcVersion() === undefined;
  },
};

/** The version of the C library Node runs on; `undefined` where that is not glibc. */
export function glibcVersion(): string | undefined {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}
