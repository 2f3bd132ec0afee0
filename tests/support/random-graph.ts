// Random valid graphs over all ops, random inputs for them, and properties that must hold for all of them.
import type { Constant, Graph, Node, State, ValueName } from '../../ir/tensor/graph.ts';
import { type OpName, opRecord } from '../../ir/tensor/ops/index.ts';
import { printGraph } from '../../ir/tensor/print.ts';
import {
  DENSE,
  type DType,
  type Encoding,
  elementCount,
  integerRange,
  newData,
  sameType,
  type TensorData,
  type TensorType,
} from '../../ir/tensor/types.ts';
import { assertValid, verifyGraph } from '../../ir/tensor/verify.ts';
import { Random } from './random.ts';
import { PROPOSE } from './random-ops/index.ts';
import { defaultQuant, type Operand, type Proposal, randomType, unit } from './random-ops/request.ts';

export interface RandomGraphOptions {
  /** Nodes to aim for. Default 6. */
  readonly nodes?: number;
  /** Extents of new values. Default 5. */
  readonly maxExtent?: number;
  /** Ops to choose from. Default: all. */
  readonly ops?: readonly OpName[];
  /** Encodings other than dense for some constants. Default true. */
  readonly encodings?: boolean;
}

/** Values larger than this are not grown any further, so that evaluation stays quick. */
const MAX_ELEMENTS = 4096;

/** Values for a type: all of an integer type's range, or mostly small ones where 32 bits would only ever saturate. */
export function randomData(r: Random, type: TensorType): TensorData {
  const data = newData(type.dtype, elementCount(type.shape));
  for (let i = 0; i < data.length; i++) {
    if (data instanceof BigInt64Array) data[i] = BigInt(r.int(-(2 ** 20), 2 ** 20));
    else data[i] = randomValue(r, type);
  }
  return data;
}

function randomValue(r: Random, { dtype, quant }: TensorType): number {
  if (dtype === 'f32') return (unit(r) - 0.5) * 2 ** r.int(-2, 4);
  // Finite halves of moderate size: sign, exponents 2^-8..2^7, any fraction.
  if (dtype === 'f16') return (r.int(0, 1) << 15) | (r.int(7, 22) << 10) | r.int(0, 1023);
  if (dtype === 'i32') return r.chance(0.1) ? r.int(-(2 ** 31), 2 ** 31 - 1) : r.int(-2000, 2000);
  if (quant.kind === 'ternary') return r.int(-1, 1);
  const [low, high] = integerRange(dtype);
  return r.int(low, high);
}

/** One buffer for each input of the graph. */
export function randomInputs(graph: Graph, seed: number): TensorData[] {
  const r = new Random(seed);
  return graph.inputs.map((name) => randomData(r, graph.types.get(name) as TensorType));
}

function randomEncoding(r: Random, { shape, quant }: TensorType): Encoding {
  if (quant.kind === 'binary' || quant.kind === 'codebook' || r.chance(0.8)) return DENSE;
  const plain: Encoding[] = [
    { kind: 'sparse', index: 'bitmap' },
    { kind: 'sparse', index: 'relative', bits: r.int(1, 16) },
    { kind: 'sparse', index: 'block', block: shape.map((extent) => r.int(1, extent)) },
    DENSE,
  ];
  const over = r.pick(plain);
  return r.chance(0.3) ? { kind: 'entropy', coder: r.pick(['huffman', 'rans']), over } : over;
}

/** Weights scaled per channel: nothing to go on computing with. */
function isPerAxis({ quant }: TensorType): boolean {
  return 'axis' in quant && quant.axis !== undefined;
}

class Builder {
  readonly r: Random;
  readonly options: Required<RandomGraphOptions>;
  readonly types = new Map<ValueName, TensorType>();
  readonly constants = new Map<ValueName, Constant>();
  readonly inputs: ValueName[] = [];
  readonly states: { name: ValueName; initial: TensorData }[] = [];
  readonly nodes: Node[] = [];

  constructor(seed: number, options: RandomGraphOptions) {
    this.r = new Random(seed);
    this.options = {
      nodes: 6,
      maxExtent: 5,
      ops: Object.keys(PROPOSE) as OpName[],
      encodings: true,
      ...options,
    };
  }

  private define(prefix: string, type: TensorType): ValueName {
    const name = `${prefix}${this.types.size}`;
    this.types.set(name, type);
    return name;
  }

  private constant(type: TensorType, values: true | readonly number[]): ValueName {
    const name = this.define('c', type);
    const data = newData(type.dtype, elementCount(type.shape));
    if (values === true) data.set(randomData(this.r, type) as never);
    else
      values.forEach((value, i) => {
        data[i] = data instanceof BigInt64Array ? BigInt(value) : value;
      });
    const encoding = this.options.encodings ? randomEncoding(this.r, type) : DENSE;
    this.constants.set(name, { data, encoding });
    return name;
  }

  /** A new value of the type: an input, a state or a constant. */
  private source(type: TensorType): ValueName {
    if (type.dtype === 'i64' || this.r.chance(0.2)) return this.constant(type, true);
    if (this.r.chance(0.1)) {
      const name = this.define('s', type);
      this.states.push({ name, initial: randomData(this.r, type) });
      return name;
    }
    const name = this.define('in', type);
    this.inputs.push(name);
    return name;
  }

  private operand({ type, constant }: Operand, first: ValueName | undefined): ValueName {
    if (constant !== undefined) return this.constant(type, constant);
    if (first !== undefined && this.types.get(first) === type) return first;
    const alike = [...this.types].filter(([, other]) => sameType(other, type)).map(([name]) => name);
    if (alike.length > 0 && this.r.chance(0.5)) return this.r.pick(alike);
    return this.source(type);
  }

  /** Adds a node of the op, if one is found that its record accepts. */
  addNode(op: OpName): boolean {
    const record = opRecord(op);
    const signature = this.r.pick(record.signatures.filter((sig) => !sig.outputs.includes('i64')));
    const dtype = signature.inputs[0]?.dtype as DType;
    const fitting = [...this.types].filter(([, type]) => type.dtype === dtype && !isPerAxis(type));
    const x = fitting.length > 0 && this.r.chance(0.85) ? this.r.pick(fitting.slice(-4)) : undefined;
    const type = x?.[1] ?? randomType(this.r, dtype, this.r.int(1, 4), this.options.maxExtent);
    const proposal = PROPOSE[op]({ r: this.r, signature, x: type, maxExtent: this.options.maxExtent });
    const outputs = proposal && this.resultTypes(op, signature.outputs, proposal);
    if (proposal === undefined || outputs === undefined) return false;
    const inputs = proposal.operands.map((operand, i) => this.operand(operand, i === 0 ? x?.[0] : undefined));
    const names = outputs.map((output) => this.define('v', output));
    this.nodes.push({ op, inputs, outputs: names, attrs: record.attrs.parse(proposal.attrs) } as Node);
    return true;
  }

  /** The result types of a proposal, undefined if the record refuses it. */
  private resultTypes(op: OpName, dtypes: readonly DType[], proposal: Proposal): TensorType[] | undefined {
    const record = opRecord(op);
    const parsed = record.attrs.safeParse(proposal.attrs);
    if (!parsed.success) throw new Error(`the generator of ${op} makes attributes its schema refuses: ${parsed.error}`);
    const inputs = proposal.operands.map(({ type }) => type);
    const constant = (i: number) => {
      const values = proposal.operands[i]?.constant;
      return Array.isArray(values) ? Int32Array.from(values) : undefined;
    };
    try {
      const shapes = record.infer({ inputs, attrs: parsed.data, constant });
      const outputs = shapes.map((shape, i) => {
        const dtype = dtypes[i] as DType;
        return { dtype, shape, quant: proposal.quants?.[i] ?? proposal.quant ?? defaultQuant(this.r, dtype) };
      });
      if (outputs.some(({ shape }) => shape.length > 8 || elementCount(shape) > MAX_ELEMENTS)) return undefined;
      return record.check?.({ inputs, outputs, attrs: parsed.data }) === undefined ? outputs : undefined;
    } catch (error) {
      if ((error as Error).name === 'OpError') return undefined;
      throw error;
    }
  }

  finish(): Graph {
    const results = this.nodes.flatMap((node) => node.outputs);
    const read = new Set(this.nodes.flatMap((node) => node.inputs));
    const ends = results.filter((name) => !read.has(name));
    const states: State[] = this.states.map(({ name, initial }) => {
      const type = this.types.get(name) as TensorType;
      const alike = results.filter((other) => sameType(this.types.get(other) as TensorType, type));
      return { name, initial, next: alike.length > 0 ? this.r.pick(alike) : name };
    });
    return {
      name: 'random',
      inputs: this.inputs,
      // One of the last values stays unread at times, so that dead code occurs.
      outputs: ends.length > 1 && this.r.chance(0.3) ? ends.slice(1) : ends,
      states,
      constants: this.constants,
      nodes: this.nodes,
      types: this.types,
    };
  }
}

/** A valid graph, the same for the same seed and options. */
export function randomGraph(seed: number, options: RandomGraphOptions = {}): Graph {
  const builder = new Builder(seed, options);
  const { nodes, ops } = builder.options;
  for (let tries = 0; builder.nodes.length < nodes && tries < 50 * nodes; tries++) builder.addNode(builder.r.pick(ops));
  if (builder.nodes.length === 0) throw new Error(`seed ${seed}: no node found for ${ops.join(', ')}`);
  const graph = builder.finish();
  assertValid(graph);
  return graph;
}

/** Whether two buffers hold the same bits; all NaNs count as one. */
export function sameBits(a: TensorData, b: TensorData): boolean {
  if (a.constructor !== b.constructor || a.length !== b.length) return false;
  return (a as Float32Array).every((value, i) => Object.is(value, b[i]));
}

export interface Property {
  /** The test file and what in the text names the property, for the command that reproduces a failure. */
  readonly file: string;
  readonly seeds: number;
  readonly options?: RandomGraphOptions;
  /** Throws where the property does not hold. `seed` is for inputs. */
  readonly holds: (graph: Graph, seed: number) => void | Promise<void>;
}

/**
 * Tries a property on `seeds` random graphs, or on that of the seed in MCC_SEED alone. The error of a failure has the
 * smallest failing graph that was found and the command that repeats it.
 */
export async function forAllGraphs({ file, seeds, options = {}, holds }: Property): Promise<void> {
  const only = process.env.MCC_SEED;
  const list = only === undefined ? Array.from({ length: seeds }, (_, i) => i + 1) : [Number(only)];
  for (const seed of list) {
    const graph = randomGraph(seed, options);
    const failure = await failureOf(holds, graph, seed);
    if (failure === undefined) continue;
    const small = await shrink(graph, async (smaller) => (await failureOf(holds, smaller, seed)) !== undefined);
    const message = (await failureOf(holds, small, seed)) ?? failure;
    throw new Error(
      `seed ${seed}: ${message}\n${printGraph(small)}repeat: MCC_SEED=${seed} node --import ./tools/ts.mjs ${file}`,
    );
  }
}

async function failureOf(holds: Property['holds'], graph: Graph, seed: number): Promise<string | undefined> {
  try {
    await holds(graph, seed);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A graph that still fails, from which no single step of `smallerGraphs` leads to another that does. */
export async function shrink(graph: Graph, fails: (graph: Graph) => Promise<boolean>): Promise<Graph> {
  let current = graph;
  for (let found = true; found; ) {
    found = false;
    for (const smaller of smallerGraphs(current)) {
      if (verifyGraph(smaller).length > 0 || !(await fails(smaller))) continue;
      current = smaller;
      found = true;
      break;
    }
  }
  return current;
}

/** Each graph that is one step smaller; some may be invalid. */
function* smallerGraphs(graph: Graph): Generator<Graph> {
  if (graph.outputs.length > 1) for (const output of graph.outputs) yield tidy({ ...graph, outputs: [output] });
  for (const node of graph.nodes) {
    const nodes = graph.nodes.filter((other) => other !== node);
    const read = new Set([...nodes.flatMap((other) => other.inputs), ...graph.states.map((state) => state.next)]);
    // Results that are read become inputs; if the graph has no other output, what the node read becomes one.
    const inputs = [...graph.inputs, ...node.outputs.filter((name) => read.has(name))];
    const outputs = graph.outputs.filter((name) => !node.outputs.includes(name));
    yield tidy({ ...graph, nodes, inputs, outputs: outputs.length > 0 ? outputs : node.inputs.slice(0, 1) });
  }
  for (const state of graph.states) {
    const states = graph.states.filter((other) => other !== state);
    yield tidy({ ...graph, states, inputs: [...graph.inputs, state.name] });
  }
  for (const axis of [0, 1, 2, 3]) yield* withExtentOne(graph, axis);
  for (const [name, constant] of graph.constants) {
    if (constant.encoding.kind === 'dense') continue;
    yield { ...graph, constants: new Map(graph.constants).set(name, { ...constant, encoding: DENSE }) };
  }
}

/** One input cut to extent 1 along an axis, with the shapes of all nodes inferred anew. */
function* withExtentOne(graph: Graph, axis: number): Generator<Graph> {
  for (const name of graph.inputs) {
    const type = graph.types.get(name) as TensorType;
    if (type.shape[axis] === undefined || type.shape[axis] === 1) continue;
    const types = new Map(graph.types).set(name, { ...type, shape: type.shape.with(axis, 1) });
    try {
      for (const node of graph.nodes) inferInto(types, graph, node);
      yield { ...graph, types };
    } catch {
      // The nodes do not take the smaller shape.
    }
  }
}

function inferInto(types: Map<ValueName, TensorType>, graph: Graph, node: Node): void {
  const shapes = opRecord(node.op).infer({
    inputs: node.inputs.map((name) => types.get(name) as TensorType),
    attrs: node.attrs,
    constant: (i) => graph.constants.get(node.inputs[i] as ValueName)?.data,
  });
  node.outputs.forEach((name, i) => {
    types.set(name, { ...(types.get(name) as TensorType), shape: shapes[i] as readonly number[] });
  });
}

/** Without the inputs and constants that nothing reads. Dead nodes stay: they may be what fails. */
function tidy(graph: Graph): Graph {
  const needed = new Set<ValueName>([
    ...graph.outputs,
    ...graph.states.flatMap(({ name, next }) => [name, next]),
    ...graph.nodes.flatMap((node) => [...node.inputs, ...node.outputs]),
  ]);
  return {
    ...graph,
    inputs: graph.inputs.filter((name) => needed.has(name)),
    constants: new Map([...graph.constants].filter(([name]) => needed.has(name))),
    types: new Map([...graph.types].filter(([name]) => needed.has(name))),
  };
}
