/**
 * Depth-first execution: a run of nodes whose values are large is computed strip by strip, a few rows of its result at a
 * time, so that of the values between only as many rows exist as one strip needs. Rows that two strips need are computed
 * twice. The result is a graph like any other: the strips read rows of the run's operands (slices, which are views) and
 * make rows of its result (a concatenation, which is a view), each with explicit padding, so that it evaluates to the same
 * bits.
 *
 * J. Lin et al., MCUNetV2: Memory-Efficient Patch-based Inference for Tiny Deep Learning, NeurIPS 2021; the strips here are
 * as wide as the image.
 */
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { opRecord } from '../../../ir/tensor/ops/index.ts';
import { elementCount, type TensorType } from '../../../ir/tensor/types.ts';
import { heightOf, hull, type Rows, rowAxis, rowsType, workFor } from './rows.ts';

/** Nodes `first` to `last` of the graph, in strips of `rows` rows of the last one's result. */
export interface Segment {
  readonly first: number;
  readonly last: number;
  readonly rows: number;
}

/** For one strip the rows that each value of the segment has, and those that its operands from outside must give. */
export type Needed = ReadonlyMap<ValueName, Rows>;

/** The value that leaves the segment, or undefined where several do or it is no run of nodes that work row by row. */
export function resultOf(graph: Graph, first: number, last: number, uses: Uses): ValueName | undefined {
  const nodes = graph.nodes.slice(first, last + 1);
  const result = nodes.at(-1)?.outputs[0];
  const stays = nodes.slice(0, -1).every(({ outputs }) => outputs.every((value) => (uses.get(value) ?? 0) <= last));
  return stays ? result : undefined;
}

/** The position of the last node that reads each value; one past the last node for what is read after all. */
export type Uses = ReadonlyMap<ValueName, number>;

export function lastUses(graph: Graph): Uses {
  const uses = new Map<ValueName, number>();
  graph.nodes.forEach((node, position) => {
    for (const value of node.inputs) uses.set(value, position);
  });
  for (const value of [...graph.outputs, ...graph.states.map(({ next }) => next)]) uses.set(value, graph.nodes.length);
  return uses;
}

/** The rows of each value for rows `strip` of the segment's result, or undefined where a node does not work row by row. */
export function neededRows(graph: Graph, { first, last }: Segment, strip: Rows): Needed | undefined {
  const result = graph.nodes[last]?.outputs[0] as ValueName;
  const needed = new Map<ValueName, Rows>([[result, strip]]);
  for (let position = last; position >= first; position--) {
    const node = graph.nodes[position] as Node;
    const rows = needed.get(node.outputs[0] as ValueName);
    const work = rows === undefined ? undefined : workFor(graph, node, rows);
    if (work === undefined) return undefined;
    node.inputs.forEach((value, i) => {
      const operand = work.operands[i];
      if (operand !== undefined) needed.set(value, hull(needed.get(value), operand));
    });
  }
  return needed;
}

/** The strips of a segment, from top to bottom. */
export function stripsOf(graph: Graph, { last, rows }: Segment): Rows[] {
  const height = heightOf(typeOfValue(graph, graph.nodes[last]?.outputs[0] as ValueName));
  const count = Math.ceil(height / rows);
  return Array.from({ length: count }, (_, i) => ({ from: i * rows, to: Math.min((i + 1) * rows, height) }));
}

/** Multiply-accumulates of a node with such operands and result; elements where it has none. */
function workOf(node: Node, inputs: readonly TensorType[], output: TensorType): number {
  return opRecord(node.op).macs?.({ inputs, outputs: [output] }) ?? elementCount(output.shape);
}

/** Work that the strips of a segment do more than once, in multiply-accumulates. */
export function extraWork(graph: Graph, segment: Segment): number {
  const strips = stripsOf(graph, segment).map((rows) => neededRows(graph, segment, rows) as Needed);
  return graph.nodes.slice(segment.first, segment.last + 1).reduce((sum, node) => {
    const value = node.outputs[0] as ValueName;
    const type = typeOfValue(graph, value);
    const inputs = node.inputs.map((input) => typeOfValue(graph, input));
    const made = strips.reduce((rows, needed) => {
      const { from, to } = needed.get(value) as Rows;
      return rows + to - from;
    }, 0);
    // Work grows with the rows of the result.
    return sum + Math.round((workOf(node, inputs, type) * (made - heightOf(type))) / heightOf(type));
  }, 0);
}

/** The graph with each segment, which must not touch each other, cut into its strips. */
export function inStrips(graph: Graph, segments: readonly Segment[]): Graph {
  const types = new Map(graph.types);
  const nodes: Node[] = [];
  const byFirst = new Map(segments.map((segment) => [segment.first, segment]));
  for (let position = 0; position < graph.nodes.length; ) {
    const segment = byFirst.get(position);
    if (segment === undefined) nodes.push(graph.nodes[position] as Node);
    else nodes.push(...cut(graph, segment, types));
    position = (segment?.last ?? position) + 1;
  }
  return { ...graph, nodes, types };
}

/** The nodes of a segment's strips and the concatenation of their results; their types go into `types`. */
function cut(graph: Graph, segment: Segment, types: Map<ValueName, TensorType>): Node[] {
  const result = graph.nodes[segment.last]?.outputs[0] as ValueName;
  const parts: ValueName[] = [];
  const strips = stripsOf(graph, segment).flatMap((rows, i) => {
    const needed = neededRows(graph, segment, rows) as Needed;
    const cutter = new Cutter(graph, needed, i, types);
    const nodes = graph.nodes.slice(segment.first, segment.last + 1).flatMap((node) => cutter.nodes(node));
    parts.push(cutter.nameOf(result));
    return nodes;
  });
  for (const { outputs } of graph.nodes.slice(segment.first, segment.last)) types.delete(outputs[0] as ValueName);
  return [
    ...strips,
    {
      op: 'concat',
      inputs: parts,
      outputs: [result],
      attrs: { axis: rowAxis(types.get(result) as TensorType) as number },
    },
  ];
}

/** Makes the nodes of one strip. */
class Cutter {
  private readonly graph: Graph;
  private readonly needed: Needed;
  private readonly types: Map<ValueName, TensorType>;
  private readonly prefix: string;
  /** The strip's own values, by the whole ones. */
  private readonly made = new Map<ValueName, ValueName>();

  constructor(graph: Graph, needed: Needed, index: number, types: Map<ValueName, TensorType>) {
    this.graph = graph;
    this.needed = needed;
    this.types = types;
    this.prefix = `strip ${index + 1} of`;
  }

  nameOf(value: ValueName): ValueName {
    return this.made.get(value) as ValueName;
  }

  /** The node for the strip, after the slices that it reads. */
  nodes(node: Node): Node[] {
    const value = node.outputs[0] as ValueName;
    const rows = this.needed.get(value) as Rows;
    const work = workFor(this.graph, node, rows);
    if (work === undefined) throw new Error(`${node.op} (%${value}) does not work row by row`);
    const slices: Node[] = [];
    const inputs = node.inputs.map((input, i) => {
      const operand = work.operands[i];
      return operand === undefined ? input : this.operand(input, operand, slices);
    });
    const name = this.define(`${this.prefix} ${value}`, rowsType(typeOfValue(this.graph, value), rows));
    this.made.set(value, name);
    return [...slices, { ...node, inputs, outputs: [name], attrs: work.attrs } as Node];
  }

  /** The name of some rows of a value: the strip's own value where it has just these, otherwise a slice. */
  private operand(value: ValueName, rows: Rows, slices: Node[]): ValueName {
    const type = typeOfValue(this.graph, value);
    const own = this.made.get(value);
    const have = own === undefined ? { from: 0, to: heightOf(type) } : (this.needed.get(value) as Rows);
    const source = own ?? value;
    if (have.from === rows.from && have.to === rows.to) return source;
    const result = rowsType(type, rows);
    const name = this.define(`${this.prefix} rows ${rows.from} to ${rows.to - 1} of ${value}`, result);
    const axis = rowAxis(type) as number;
    const start = result.shape.map((_, i) => (i === axis ? rows.from - have.from : 0));
    slices.push({
      op: 'slice',
      inputs: [source],
      outputs: [name],
      attrs: { start, stride: result.shape.map(() => 1), size: [...result.shape] },
    });
    return name;
  }

  private define(wanted: string, type: TensorType): ValueName {
    let name = wanted;
    for (let count = 2; this.types.has(name); count++) name = `${wanted} (${count})`;
    this.types.set(name, type);
    return name;
  }
}
