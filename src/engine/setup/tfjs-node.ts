/** The installed package @tensorflow/tfjs-node, whose native binding is the engine's door to TensorFlow. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { EngineError } from '../../errors/index.js';

/** The version our patch is made for. */
export const tfjsNodeVersion = '4.22.0';

/**
 * The folder of tfjs-node as resolved from `root`.
 * @throws EngineError when it is not installed, or in another version than the patch fits
 */
export function tfjsNodeFolder(root: string): string {
  const manifest = resolveFrom(root, '@tensorflow/tfjs-node/package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  if (version !== tfjsNodeVersion) {
    throw new EngineError({
      problem: '@tensorflow/tfjs-node is installed in a version our patch does not fit',
      given: version,
      allowed: tfjsNodeVersion,
      mend: `npm install --save-exact @tensorflow/tfjs-node@${tfjsNodeVersion}`,
    });
  }
  return dirname(manifest);
}

/**
 * Where tfjs-node looks for its binding: of the Node-API versions it knows, the highest this Node has,
 * which is 8 since Node 20.
 */
export function bindingFolder(tfjsNode: string): string {
  return join(tfjsNode, 'lib', 'napi-v8');
}

export const bindingFile = 'tfjs_binding.node';

/** Beside a binding of ours: the module that decodes JPEGs. */
export const jpegFile = 'gfnet_jpeg.node';

/** And the module with operations of ours. */
export const kernelsFile = 'gfnet_kernels.node';

/** Where that module is once a binding of ours is installed for `root`. @throws EngineError as `tfjsNodeFolder` */
export function jpegModuleOf(root: string): string {
  return join(bindingFolder(tfjsNodeFolder(root)), jpegFile);
}

/** As `jpegModuleOf`. */
export function kernelsModuleOf(root: string): string {
  return join(bindingFolder(tfjsNodeFolder(root)), kernelsFile);
}

/** @throws EngineError when the package the file belongs to is not installed */
export function resolveFrom(folder: string, file: string): string {
  try {
    return createRequire(join(folder, 'package.json')).resolve(file);
  } catch (cause) {
    throw new EngineError({
      problem: 'a package the engine needs is not installed',
      given: `${file} from ${folder}`,
      mend: 'run `npm ci`',
      cause,
    });
  }
}
