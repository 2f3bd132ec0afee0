/** Reference semantics of a graph: every op record's `evaluate`, in order. Every engine and target equals it bit for bit. */
import { type Graph, type Node, typeOfValue, type ValueName } from './graph.ts';
import { opRecord } from './ops/index.ts';
import { elementCount, type Tensor, type TensorData, typeText } from './types.ts';

export interface Evaluation {
  readonly outputs: readonly TensorData[];
  /** What the states become, in the graph's order. */
  readonly states: readonly TensorData[];
  /** Every value of the graph. */
  readonly values: ReadonlyMap<ValueName, TensorData>;
}

/** One inference. `states` defaults to the initial values. Throws RangeError when an input's length is not its type's. */
export function evaluate(
  graph: Graph,
  inputs: readonly TensorData[],
  states: readonly TensorData[] = graph.states.map((state) => state.initial),
): Evaluation {
  const values = new Map<ValueName, TensorData>();
  for (const [name, constant] of graph.constants) values.set(name, constant.data);
  graph.states.forEach((state, i) => {
    values.set(state.name, states[i] as TensorData);
  });
  graph.inputs.forEach((name, i) => {
    values.set(name, checkedInput(graph, name, inputs[i]));
  });
  for (const node of graph.nodes) {
    evaluateNode(graph, node, values).forEach((data, i) => {
      values.set(node.outputs[i] as ValueName, data);
    });
  }
  const read = (name: ValueName) => values.get(name) as TensorData;
  return { outputs: graph.outputs.map(read), states: graph.states.map((state) => read(state.next)), values };
}

function checkedInput(graph: Graph, name: ValueName, data: TensorData | undefined): TensorData {
  const type = typeOfValue(graph, name);
  const expected = elementCount(type.shape);
  if (data?.length !== expected) {
    throw new RangeError(
      `input %${name}: expected ${expected} values for ${typeText(type)}, found ${data?.length ?? 'none'}`,
    );
  }
  return data;
}

function evaluateNode(graph: Graph, node: Node, values: ReadonlyMap<ValueName, TensorData>): readonly TensorData[] {
  const inputs: Tensor[] = node.inputs.map((name) => ({
    type: typeOfValue(graph, name),
    data: values.get(name) as TensorData,
  }));
  return opRecord(node.op).evaluate({
    inputs,
    outputs: node.outputs.map((name) => typeOfValue(graph, name)),
    attrs: node.attrs,
  });
}

/** A graph that remembers its states from one inference to the next. */
export class Evaluator {
  readonly graph: Graph;
  private states: readonly TensorData[];

  constructor(graph: Graph) {
    this.graph = graph;
    this.states = graph.states.map((state) => state.initial);
  }

  run(inputs: readonly TensorData[]): Evaluation {
    const result = evaluate(this.graph, inputs, this.states);
    this.states = result.states;
    return result;
  }

  reset(): void {
    this.states = this.graph.states.map((state) => state.initial);
  }
}
