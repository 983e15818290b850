/** The allowlist: all that a pickle may name. A name gives one of these few objects; nothing is imported or run by it. */
import { z } from 'zod';
import { CheckpointError } from '../../errors/index.js';
import { encodeLatin1, numpyScalar, numpyType } from './numpy.js';
import { parseArguments, rebuildParameter, rebuildTensor, StorageType } from './tensors.js';
import { PickleFunction, type PickleObject, type PickleValue } from './values.js';

const functions: Readonly<Record<string, (args: readonly PickleValue[]) => PickleValue>> = {
  'collections.OrderedDict': args => {
    parseArguments('an OrderedDict', z.tuple([]), args);
    return new Map();
  },
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_parameter': rebuildParameter,
  'torch.Size': args => parseArguments('a torch.Size', z.tuple([z.array(z.int())]), args)[0],
  'torch.device': args =>
    parseArguments('a torch.device', z.tuple([z.string(), z.int().optional()]), args).join(':'),
  'numpy.core.multiarray.scalar': numpyScalar,
  'numpy._core.multiarray.scalar': numpyScalar,
  'numpy.dtype': numpyType,
  '_codecs.encode': encodeLatin1,
};

const storageTypes = [
  new StorageType('DoubleStorage', 'F64'),
  new StorageType('FloatStorage', 'F32'),
  new StorageType('HalfStorage', 'F16'),
  new StorageType('BFloat16Storage', 'BF16'),
  new StorageType('LongStorage', 'I64'),
  new StorageType('IntStorage', 'I32'),
  new StorageType('ShortStorage', 'I16'),
  new StorageType('CharStorage', 'I8'),
  new StorageType('ByteStorage', 'U8'),
  new StorageType('BoolStorage', 'BOOL'),
];

const allowed = new Map<string, PickleObject>([
  ...Object.entries(functions).map(([name, call]): [string, PickleObject] => [
    name,
    new PickleFunction(name, call),
  ]),
  ...storageTypes.map((type): [string, PickleObject] => [type.title, type]),
]);

/** @throws CheckpointError where the name is not on the list */
export function globalOf(module: string, name: string): PickleObject {
  const found = allowed.get(`${module}.${name}`);
  if (found) return found;
  throw new CheckpointError({
    problem: 'it refers to Python code, which is never run',
    given: `${module}.${name}`,
    allowed: 'tensors, numbers, texts, lists and dictionaries',
    mend: "in Python, load the file if you trust it, and save the model's state_dict() alone",
  });
}
