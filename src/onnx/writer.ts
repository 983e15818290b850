/** Collects the nodes of an ONNX model, and gives each value in the layout that is asked for, converted once where it lies otherwise. */
import type { Attribute, Constant, OnnxNode } from './model.js';
import type { Layout, Shape, Stored, Value } from './values.js';
import { inMemory, orderless, permuted, sameShape, toPlanes, toRows } from './values.js';

/** What a byte of 1 is. */
export const largestByte = 255;

export class Writer {
  readonly nodes: OnnxNode[] = [];
  private readonly makers = new Map<string, OnnxNode>();
  private readonly shapes = new Map<string, Shape>();
  private readonly converted = new WeakMap<Value, Partial<Record<Layout, string | Constant>>>();

  /** The names of a new node's outputs. */
  emit(
    op: string,
    inputs: readonly (string | Constant)[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs = 1,
  ): string[] {
    const names = Array.from({ length: outputs }, (_, i) => `value${this.nodes.length}_${i}`);
    this.add({ op, inputs, outputs: names, attributes });
    return names;
  }

  /** The name of the first output of a node that was made elsewhere. */
  add(node: OnnxNode): string {
    this.nodes.push(node);
    for (const name of node.outputs) this.makers.set(name, node);
    return node.outputs[0] ?? '';
  }

  /** The single output of a new node. */
  store(
    shape: Shape,
    layout: Layout,
    op: string,
    inputs: readonly (string | Constant)[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Stored {
    const [name = ''] = this.emit(op, inputs, attributes);
    this.shapes.set(name, inMemory(shape, layout));
    return { kind: 'stored', name, shape, layout };
  }

  /** As it lies in memory, where it is known: of what `store` gave, and of what got another shape. */
  shapeOf(name: string): Shape | undefined {
    return this.shapes.get(name);
  }

  /** The node that gives a stored value; undefined for an input of the model. */
  maker(name: string): OnnxNode | undefined {
    return this.makers.get(name);
  }

  /** What a node reads to have `value` in `layout`, which shapes of other than four dimensions do not tell apart. */
  operand(value: Value, layout: Layout): string | Constant {
    const wanted = value.shape.length === 4 || value.kind === 'constant' ? layout : 'rows';
    let forms = this.converted.get(value);
    if (!forms) this.converted.set(value, (forms = {}));
    return (forms[wanted] ??= this.convert(value, wanted));
  }

  private convert(value: Value, layout: Layout): string | Constant {
    switch (value.kind) {
      case 'constant':
        return layout === 'rows' ? value.constant : broadcastInPlanes(value.constant);
      case 'stored':
        if (value.bytes) return this.operand(this.scaled(value), layout);
        if (value.layout === layout || value.shape.length !== 4) return value.name;
        if (orderless(value.shape)) return this.reshape(value.name, inMemory(value.shape, layout));
        return this.transpose(value.name, layout);
      case 'view': {
        const { of, shape } = value;
        const flat = this.operand(of, orderless(of.shape) ? of.layout : 'rows');
        if (layout === 'planes' && !orderless(shape))
          return this.transpose(this.reshape(flat, shape), layout);
        const target = inMemory(shape, layout);
        return sameShape(target, inMemory(of.shape, of.layout)) ? flat : this.reshape(flat, target);
      }
      case 'bordered': {
        const { top, left, bottom, right } = value.border;
        const before = inMemory([0, top, left, 0], layout);
        const after = inMemory([0, bottom, right, 0], layout);
        const pads = { shape: [8], values: Int32Array.from([...before, ...after]) };
        const fill = { shape: [], values: Float32Array.of(value.fill) };
        return this.emit('Pad', [this.operand(value.of, layout), pads, fill])[0] ?? '';
      }
    }
  }

  /** Bytes as numbers from 0 to 255. */
  counted({ name, shape, layout }: Stored): Stored {
    return this.store(shape, layout, 'Cast', [name], { to: { int: 1 } });
  }

  /** Bytes as values in [0, 1]. */
  private scaled(bytes: Stored): Stored {
    const { name, shape, layout } = this.counted(bytes);
    return this.store(shape, layout, 'Div', [name, { shape: [], values: Float32Array.of(largestByte) }]);
  }

  private reshape(from: string | Constant, shape: Shape): string {
    const target = { shape: [shape.length], values: Int32Array.from(shape, size => Math.max(-1, size)) };
    const [name = ''] = this.emit('Reshape', [from, target]);
    this.shapes.set(name, shape);
    return name;
  }

  private transpose(from: string | Constant, to: Layout): string {
    return this.emit('Transpose', [from], { perm: { ints: to === 'planes' ? toPlanes : toRows } })[0] ?? '';
  }
}

/** A constant of up to four dimensions as it is broadcast to planes: [c] -> [c, 1, 1]. */
function broadcastInPlanes(constant: Constant): Constant {
  const { shape, values } = constant;
  if (shape.length === 0 || shape.length > 4) return constant;
  const whole = { shape: [...Array.from({ length: 4 - shape.length }, () => 1), ...shape], values };
  const moved = permuted(whole, toPlanes);
  const [n = 1, ...rest] = moved.shape;
  return n === 1 ? { ...moved, shape: rest } : moved;
}
