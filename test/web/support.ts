/** Bundles code for a browser as users of gfnet/web do. */
import { join } from 'node:path';
import type { BuildResult } from 'esbuild';
import { build } from 'esbuild';

export const root = join(import.meta.dirname, '../..');

/** Of a module of this text, from which src can be imported; fails where it needs anything of Node. */
export function bundled(
  contents: string,
): Promise<BuildResult<{ write: false; metafile: true; outdir: string }>> {
  return build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    splitting: true,
    outdir: 'out',
    format: 'esm',
    platform: 'browser',
    conditions: ['onnxruntime-web-use-extern-wasm'],
    logLevel: 'silent',
    metafile: true,
    write: false,
  });
}
