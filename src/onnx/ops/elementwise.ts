/** Operations of one number, or of two at the same place. */
import { fusedActivations } from '../../engine/ops.js';
import type { Call, Translation } from '../call.js';
import { input, outputShape, unknown } from '../call.js';
import type { Constant } from '../model.js';
import type { Layout, Stored, Value } from '../values.js';
import { inPlanes, sameShape } from '../values.js';
import { addToConvolution } from './convolution.js';

const scalar = (value: number): Constant => ({ shape: [], values: Float32Array.of(value) });

type Operand = Pick<Stored, 'shape' | 'layout'> & { readonly name: Stored['name'] | Constant };

/** Of each number by itself. */
function pointwise(write: (call: Call, x: Operand) => Stored): Translation {
  return call => {
    const value = input(call, 0);
    switch (value.kind) {
      case 'stored':
        return write(call, value);
      case 'view':
        return { ...value, of: write(call, value.of) };
      case 'bordered':
      case 'constant':
        return write(call, { shape: value.shape, layout: 'rows', name: call.writer.operand(value, 'rows') });
    }
  };
}

function unary(op: string, ...bounds: readonly Constant[]): Translation {
  return pointwise(({ writer }, { shape, layout, name }) =>
    writer.store(shape, layout, op, [name, ...bounds]),
  );
}

const cast: Translation = call => {
  const [from, to] = ['SrcT', 'DstT'].map(name => call.attributes.get(name));
  const value = input(call, 0);
  if (from === to) return value;
  const [float32, int32] = [1, 3];
  if (to !== float32 && to !== int32) throw unknown(call, `to type ${String(to)}`);
  // Integers are int64 here.
  return call.writer.store(value.shape, 'rows', 'Cast', [call.writer.operand(value, 'rows')], {
    to: { int: to === float32 ? 1 : 7 },
  });
};

/** Whether every value of a constant is `neutral`, so that the operation changes nothing. */
function changesNothing(call: Call, neutral: number | undefined): boolean {
  const [a, b] = [input(call, 0), input(call, 1)];
  return (
    b.kind === 'constant' &&
    sameShape(a.shape, outputShape(call)) &&
    b.constant.values.every(value => value === neutral)
  );
}

function binary(op: string, neutral?: number): Translation {
  return call => {
    if (changesNothing(call, neutral)) return input(call, 0);
    const shape = outputShape(call);
    const layout = shape.length === 4 ? layoutOf(call.inputs) : 'rows';
    return call.writer.store(
      shape,
      layout,
      op,
      call.inputs.map(value => call.writer.operand(value, layout)),
    );
  };
}

/** Of the result of two values of which one has four dimensions. */
function layoutOf(values: readonly Value[]): Layout {
  // Planes broadcast otherwise than rows, unless what is smaller is known.
  if (!values.every(({ kind, shape }) => shape.length === 4 || kind === 'constant')) return 'rows';
  // Numbers of a few channels are broadcast slowly in rows.
  const byChannel = values.some(({ kind, shape }) => kind === 'constant' && (shape.at(-1) ?? 1) > 1);
  return byChannel || values.some(inPlanes) ? 'planes' : 'rows';
}

function constantScalar(value: Value | undefined): number | undefined {
  return value?.kind === 'constant' && value.constant.values.length === 1
    ? value.constant.values[0]
    : undefined;
}

/** min(max(x + 3, 0), 6) / 6, where this is its last product: ONNX Runtime has one kernel for it. */
function hardSigmoidOf(call: Call): Value | undefined {
  const sixth = constantScalar(call.inputs[1]);
  const clip = call.maker(0);
  const sum = clip?.op === 'Relu6' ? clip.maker(0) : undefined;
  if (sixth === undefined || Math.abs(6 * sixth - 1) > 1e-6) return undefined;
  if (sum === undefined || !/^Add(V2)?$/.test(sum.op) || constantScalar(sum.inputs[1]) !== 3)
    return undefined;
  const x = input(sum, 0);
  return x.kind === 'stored' ? hardSigmoid(call, x) : undefined;
}

function hardSigmoid({ writer }: Call, { shape, layout, name }: Operand): Stored {
  return writer.store(shape, layout, 'HardSigmoid', [name], {
    alpha: { float: 1 / 6 },
    beta: { float: 0.5 },
  });
}

/** x times what `gate` makes of it. */
function gated(gate: (call: Call, x: Operand) => Stored): Translation {
  return pointwise((call, x) => call.writer.store(x.shape, x.layout, 'Mul', [x.name, gate(call, x).name]));
}

const hardSwish = gated(hardSigmoid);
const swish = gated(({ writer }, { shape, layout, name }) => writer.store(shape, layout, 'Sigmoid', [name]));

/** What the engine has one kernel for. */
const activation: Translation = call => {
  const kind = call.attributes.get('activation');
  if (kind === fusedActivations.hardSwish) return hardSwish(call);
  if (kind === fusedActivations.swish) return swish(call);
  throw unknown(call, `of kind ${String(kind)}`);
};

const add: Translation = call => addToConvolution(call) ?? binary('Add', 0)(call);
const mul: Translation = call => hardSigmoidOf(call) ?? binary('Mul', 1)(call);

export const elementwise: Readonly<Record<string, Translation>> = {
  Relu: unary('Relu'),
  Relu6: unary('Clip', scalar(0), scalar(6)),
  GfnetActivation: activation,
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Floor: unary('Floor'),
  Cast: cast,
  Identity: call => input(call, 0),
  Add: add,
  AddV2: add,
  Sub: binary('Sub', 0),
  Mul: mul,
  RealDiv: binary('Div', 1),
  Maximum: binary('Max'),
};
