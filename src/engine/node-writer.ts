/** Puts several nodes in the place of one. */
import type { Binding, GraphOutput, OpAttribute } from './binding.js';
import type { Node, Operation, TensorDescription } from './graph.js';

/** Adds nodes in the place of one, whose name the last of them takes. */
export class NodeWriter {
  constructor(
    protected readonly binding: Binding,
    protected readonly name: string,
    protected readonly nodes: Map<string, Node>,
    protected readonly tensors: Map<GraphOutput, TensorDescription>,
  ) {}

  /**
   * An operation whose result has the type of what is replaced.
   * @param part of the name; undefined for the last node
   */
  protected operation(
    part: string | undefined,
    operation: Omit<Operation, 'kind'>,
    shape: readonly number[],
  ): GraphOutput {
    const name = part === undefined ? this.name : `${this.name}_${part}`;
    const dtype = this.tensors.get(`${this.name}:0`)?.dtype ?? this.binding.TF_FLOAT;
    this.nodes.set(name, { ...operation, kind: 'operation' });
    this.tensors.set(`${name}:0`, { dtype, shape });
    return `${name}:0`;
  }

  protected constant(
    part: string,
    values: Float32Array | Int32Array,
    shape: readonly number[] = [values.length],
  ): GraphOutput {
    const name = `${this.name}_${part}`;
    const dtype = values instanceof Float32Array ? this.binding.TF_FLOAT : this.binding.TF_INT32;
    this.nodes.set(name, { kind: 'constant', dtype, shape, values });
    this.tensors.set(`${name}:0`, { dtype, shape });
    return `${name}:0`;
  }

  protected integer(name: string, value: number): OpAttribute {
    return { name, type: this.binding.TF_ATTR_INT, value };
  }

  protected bool(name: string, value: boolean): OpAttribute {
    return { name, type: this.binding.TF_ATTR_BOOL, value };
  }

  protected shapeOf(output: GraphOutput): readonly number[] {
    return this.tensors.get(output)?.shape ?? [];
  }
}
