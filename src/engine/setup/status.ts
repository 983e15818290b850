/** Whether the engine is in place, told without loading it. */
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { GFNetError } from '../../errors/index.js';
import { bindingKey } from './binding.js';
import { libraryName } from './library.js';
import { defaultPlace, type Place } from './place.js';
import { readRecord } from './record.js';
import { targetFor } from './targets.js';
import { bindingFile, bindingFolder, tfjsNodeFolder } from './tfjs-node.js';

export type EngineStatus =
  | {
      readonly state: 'ready';
      /** `built` by us with our patch, or the vendor's `prebuilt`, which cannot compile steps. */
      readonly kind: 'built' | 'prebuilt';
      readonly tensorflow: string;
    }
  | { readonly state: 'missing'; readonly reason: string };

/** Takes a millisecond or two, and starts nothing. */
export function engineStatus(place: Place = defaultPlace()): EngineStatus {
  try {
    return bindingStatus(bindingFolder(tfjsNodeFolder(place.root)), place);
  } catch (error) {
    if (error instanceof GFNetError) return missing(error.explanation.problem);
    throw error;
  }
}

function bindingStatus(folder: string, place: Place): EngineStatus {
  if (!existsSync(join(folder, bindingFile))) return missing('it was not set up yet');
  const record = readRecord(folder);
  if (!record) return missing('the binding there was not set up by this program');
  const ready: EngineStatus = { state: 'ready', kind: record.kind, tensorflow: record.tensorflow };
  if (record.kind === 'prebuilt') return ready;
  const target = targetFor(place.host);
  if (!target || record.key !== bindingKey(target)) {
    return missing('it was built from another version of our patch or for another platform');
  }
  const library = join(realpathSync(folder), '..', libraryName(target), target.libraries[0]);
  return existsSync(library) ? ready : missing('its library is gone from the cache');
}

function missing(reason: string): EngineStatus {
  return { state: 'missing', reason };
}
