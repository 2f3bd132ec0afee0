/** Makes the integer graph that a plan describes, with changes of representation where integers and floats meet. */
import {
  type Constant,
  type Graph,
  type Node,
  type State,
  typeOfValue,
  type ValueName,
} from '../../../ir/tensor/graph.ts';
import { DENSE, type Tensor, type TensorType } from '../../../ir/tensor/types.ts';
import { type Grid, quantOf, stored } from './grid.ts';
import type { NodePlan, Plan } from './plan.ts';

export interface Rewritten {
  readonly graph: Graph;
  /** What the integers for a float value of the given graph are called, for values that have them. */
  readonly integers: ReadonlyMap<ValueName, ValueName>;
}

export function rewrite(graph: Graph, plan: Plan, io: 'float' | 'integer'): Rewritten {
  return new Rewriter(graph, plan, io).run();
}

class Rewriter {
  private readonly graph: Graph;
  private readonly plan: Plan;
  private readonly io: 'float' | 'integer';
  private readonly nodes: Node[] = [];
  private readonly types = new Map<ValueName, TensorType>();
  private readonly constants = new Map<ValueName, Constant>();
  /** Names in use, of the old graph too. */
  private readonly taken: Set<ValueName>;
  /** Integers on the grid of the value, and floats, by value of the old graph. */
  private readonly integers = new Map<ValueName, ValueName>();
  private readonly floats = new Map<ValueName, ValueName>();
  /** Integers on other grids: by value, scale and zero point. */
  private readonly requantized = new Map<string, ValueName>();

  constructor(graph: Graph, plan: Plan, io: 'float' | 'integer') {
    this.graph = graph;
    this.plan = plan;
    this.io = io;
    this.taken = new Set(graph.types.keys());
  }

  run(): Rewritten {
    const { graph } = this;
    for (const name of graph.inputs) this.input(name);
    for (const { name } of graph.states) this.keepFloat(name);
    for (const node of graph.nodes) {
      const planned = this.plan.nodes.get(node);
      if (planned === undefined) this.floatNode(node);
      else this.integerNode(planned);
    }
    for (const name of graph.outputs) if (graph.constants.has(name)) this.floatOf(name);
    const states: State[] = graph.states.map((state) => ({ ...state, next: this.floatOf(state.next) }));
    return {
      graph: { ...graph, states, nodes: this.nodes, types: this.types, constants: this.constants },
      integers: this.integers,
    };
  }

  private isFloat(name: ValueName): boolean {
    return typeOfValue(this.graph, name).dtype === 'f32';
  }

  private isIntegerPort(name: ValueName): boolean {
    return this.io === 'integer' && this.isFloat(name);
  }

  private fresh(base: ValueName): ValueName {
    let name = base;
    for (let n = 2; this.taken.has(name); n++) name = `${base}${n}`;
    this.taken.add(name);
    return name;
  }

  private keepFloat(name: ValueName): void {
    this.types.set(name, typeOfValue(this.graph, name));
    this.floats.set(name, name);
  }

  private input(name: ValueName): void {
    if (!this.isIntegerPort(name)) {
      this.keepFloat(name);
      return;
    }
    this.types.set(name, this.integerType(name));
    this.integers.set(name, name);
  }

  private integerType(name: ValueName, grid: Grid = this.plan.gridOf(name)): TensorType {
    return { ...typeOfValue(this.graph, name), dtype: this.plan.form.dtype, quant: quantOf(grid) };
  }

  private isOutput(name: ValueName): boolean {
    return this.graph.outputs.includes(name);
  }

  private floatNode(node: Node): void {
    this.nodes.push({ ...node, inputs: node.inputs.map((name) => this.floatOf(name)) });
    for (const name of node.outputs) {
      if (!this.isIntegerPort(name) || !this.isOutput(name)) {
        this.keepFloat(name);
        continue;
      }
      const own = this.fresh(`${name}_f32`);
      this.renameResult(name, own);
      this.types.set(own, typeOfValue(this.graph, name));
      this.floats.set(name, own);
      this.types.set(name, this.integerType(name));
      this.nodes.push({ op: 'quantize', inputs: [own], outputs: [name], attrs: {} });
      this.integers.set(name, name);
    }
  }

  private renameResult(from: ValueName, to: ValueName): void {
    const at = this.nodes.findIndex((node) => node.outputs.includes(from));
    const node = this.nodes[at];
    this.nodes[at] = { ...node, outputs: node.outputs.map((name) => (name === from ? to : name)) };
  }

  private integerNode({ node, reads, makes, inputTypes, numbers, slopes }: NodePlan): void {
    const inputs = node.inputs.map((name, i) => {
      const grid = reads[i];
      if (grid !== undefined) return this.integerOf(name, grid);
      if (numbers !== undefined && i === 1) {
        return this.constant(name, { type: numbers.weightType, data: numbers.weights });
      }
      if (numbers?.bias !== undefined && i === 2) return this.constant(name, numbers.bias);
      if (slopes !== undefined && i === 1) return this.quantizedConstant(name, inputTypes[i], slopes);
      return this.floatOf(name);
    });
    const outputs = node.outputs.map((name, i) => {
      const grid = makes[i];
      if (grid === undefined) {
        this.keepFloat(name);
        return name;
      }
      const needsFloat = this.io === 'float' && this.isOutput(name);
      const isNext = this.graph.states.some(({ next }) => next === name);
      const own = needsFloat || isNext ? this.fresh(`${name}_${this.plan.form.dtype}`) : name;
      this.types.set(own, this.integerType(name, grid));
      this.integers.set(name, own);
      return own;
    });
    this.nodes.push({ ...node, inputs, outputs } as Node);
    for (const name of node.outputs) if (this.integers.get(name) !== name && this.isFloat(name)) this.floatOf(name);
  }

  /** The value in floats, which a dequantize makes where only integers are at hand. Values that are no floats are themselves. */
  private floatOf(name: ValueName): ValueName {
    const known = this.floats.get(name);
    if (known !== undefined) return known;
    const constant = this.graph.constants.get(name);
    if (constant !== undefined) {
      this.constants.set(name, constant);
      this.keepFloat(name);
      return name;
    }
    const integers = this.integers.get(name);
    if (integers === undefined) return name;
    const own = integers === name ? this.fresh(`${name}_f32`) : name;
    this.types.set(own, typeOfValue(this.graph, name));
    this.nodes.push({ op: 'dequantize', inputs: [integers], outputs: [own], attrs: {} });
    this.floats.set(name, own);
    return own;
  }

  /** The value on the grid, from floats or from integers on its own grid. */
  private integerOf(name: ValueName, grid: Grid): ValueName {
    const constant = this.graph.constants.get(name);
    if (constant !== undefined) return this.quantizedConstant(name, this.integerType(name, grid), grid);
    const own = this.plan.gridOf(name);
    if (own.scale === grid.scale && own.zeroPoint === grid.zeroPoint) return this.ownIntegers(name);
    const key = `${name} ${grid.scale} ${grid.zeroPoint}`;
    const known = this.requantized.get(key);
    if (known !== undefined) return known;
    const from = this.ownIntegers(name);
    const to = this.fresh(`${name}_rescaled`);
    this.types.set(to, this.integerType(name, grid));
    this.nodes.push({ op: 'requantize', inputs: [from], outputs: [to], attrs: {} });
    this.requantized.set(key, to);
    return to;
  }

  private ownIntegers(name: ValueName): ValueName {
    const known = this.integers.get(name);
    if (known !== undefined) return known;
    const to = this.fresh(`${name}_${this.plan.form.dtype}`);
    this.types.set(to, this.integerType(name));
    this.nodes.push({ op: 'quantize', inputs: [this.floatOf(name)], outputs: [to], attrs: {} });
    this.integers.set(name, to);
    return to;
  }

  private quantizedConstant(name: ValueName, type: TensorType, grid: Grid): ValueName {
    const { data } = this.graph.constants.get(name) as Constant;
    const integers = Array.from(data as Float32Array, (x) => stored(x, grid));
    return this.constant(name, {
      type,
      data: type.dtype === 'i8' ? Int8Array.from(integers) : Int16Array.from(integers),
    });
  }

  /** A constant of its own for each reader, since scales differ; equal ones become one later. */
  private constant(base: ValueName, { type, data }: Tensor): ValueName {
    const name = this.fresh(`${base}_${type.dtype}`);
    this.types.set(name, type);
    this.constants.set(name, { data, encoding: DENSE });
    return name;
  }
}
