/** State dicts of one encoder with its head, as torchvision and timm publish them. */
import type { StaticNetwork } from '../../model/static.js';
import type { Variables } from '../../nn/scope.js';
import type { PyTorchValue } from '../pytorch/index.js';
import type { StateDict } from './adopt.js';
import { adopt, asMap, asStateDict } from './adopt.js';
import { heads, ofEncoder } from './names.js';

/** The state dict that a file holds, by itself or beside other things as training scripts keep it. @throws CheckpointError */
export function readBackbone(content: PyTorchValue, source: string): StateDict {
  const inner = ['state_dict', 'model', 'model_state'].map(key => asMap(content)?.get(key));
  return asStateDict(inner.find(value => asMap(value)) ?? content, source);
}

/** How many classes its head tells apart; undefined where it has none. */
export function classesOf(state: StateDict): number | undefined {
  return heads.flatMap(name => state.get(`${name}.bias`)?.shape ?? [])[0];
}

/** Whether torchvision made it, of those networks for which it has names of its own. */
export function isTorchvision(state: StateDict): boolean {
  return [...state.keys()].some(name => /^(features\.0\.0|trunk_output)\./.test(name));
}

/**
 * The variables of a static network, as the state dict has them; the caller frees them.
 *
 * @throws CheckpointError that lists every name that is missing, unexpected, or of another shape
 */
export function adoptBackbone(network: StaticNetwork, state: StateDict, source: string): Variables {
  return adopt(network, [{ state, source, prefix: '', find: ofEncoder(network.config.encoder.name) }]);
}
