/**
 * A network as a graph of ops over statically shaped tensors. Graphs and nodes are immutable: a rewrite makes new ones.
 *
 * Values are names. Each is defined once: as an input, a constant, a state, or the output of one node. Nodes stand in an
 * order in which every value is defined before it is used.
 */
import type { Attrs, OpName } from './ops/index.ts';
import type { Encoding, TensorData, TensorType } from './types.ts';

export type ValueName = string;

/** One op applied to values. The union over all ops is closed: `switch (node.op)` narrows `node.attrs`. */
export type Node<K extends OpName = OpName> = {
  readonly [Name in K]: {
    readonly op: Name;
    readonly inputs: readonly ValueName[];
    readonly outputs: readonly ValueName[];
    readonly attrs: Attrs<Name>;
  };
}[K];

export interface Constant {
  readonly data: TensorData;
  readonly encoding: Encoding;
}

/** A tensor that lives from one inference to the next: read as value `name`, replaced by value `next` when all is done. */
export interface State {
  readonly name: ValueName;
  readonly initial: TensorData;
  readonly next: ValueName;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly ValueName[];
  readonly outputs: readonly ValueName[];
  readonly states: readonly State[];
  readonly constants: ReadonlyMap<ValueName, Constant>;
  readonly nodes: readonly Node[];
  /** The type of every value. */
  readonly types: ReadonlyMap<ValueName, TensorType>;
}

export function typeOfValue(graph: Graph, value: ValueName): TensorType {
  const type = graph.types.get(value);
  if (type === undefined) throw new Error(`graph ${graph.name} has no value %${value}`);
  return type;
}

export function inputTypes(graph: Graph, node: Node): TensorType[] {
  return node.inputs.map((value) => typeOfValue(graph, value));
}

export function outputTypes(graph: Graph, node: Node): TensorType[] {
  return node.outputs.map((value) => typeOfValue(graph, value));
}
