/** Fetches a bundle's files and checks them. */
import type { BundleContent } from '../bundle/manifest.js';
import {
  bundleContent,
  checkFile,
  manifestFile,
  predictingFiles,
  parseManifest,
} from '../bundle/manifest.js';
import { BundleError } from '../errors/index.js';

/** Told how many bytes of the bundle have come. */
export type Progress = (loaded: number, total: number) => void;

/**
 * Only what predicting needs. Hashes are checked where the page may compute them: on a secure origin (https, or this machine).
 * @param base the bundle's folder
 * @throws BundleError where a file cannot be had, or is not the one that was exported
 */
export async function fetchBundle(base: URL, onProgress?: Progress): Promise<BundleContent> {
  const path = new URL(manifestFile, base);
  const manifest = parseManifest(new TextDecoder().decode(await get(path)), path.href);
  const total = predictingFiles(manifest).reduce((sum, [, { bytes }]) => sum + bytes, 0);
  let loaded = 0;
  return bundleContent(base.href, manifest, async (name, expected) => {
    const address = new URL(name, base);
    const content = await get(address, bytes => onProgress?.((loaded += bytes), total));
    checkFile(address.href, expected, content.length, await sha256(content));
    return content;
  });
}

async function get(url: URL, onBytes?: (count: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`status ${response.status}`);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    // Not by `for await`, which Safari does not know of a body.
    const reader = response.body?.getReader();
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
      parts.push(read.value);
      onBytes?.(read.value.length);
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  } catch (cause) {
    throw new BundleError({
      problem: `a file of the bundle cannot be fetched: ${cause instanceof Error ? cause.message : String(cause)}`,
      given: url.href,
      mend: 'check the address: a bundle is a folder made by gfnet export, served as it is',
      cause,
    });
  }
}

async function sha256(content: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  if (!isSecureContext) return undefined;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
  return Array.from(hash, byte => byte.toString(16).padStart(2, '0')).join('');
}
