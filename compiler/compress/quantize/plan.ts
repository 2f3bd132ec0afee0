/** Decides which nodes compute in integers, and the grid of every value between them. Nothing is rewritten here. */
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { matches } from '../../../ir/tensor/op.ts';
import { opRecord } from '../../../ir/tensor/ops/index.ts';
import { type DType, integerRange, type TensorType } from '../../../ir/tensor/types.ts';
import type { Calibration } from '../calibrate/calibrate.ts';
import { rangeOf } from '../calibrate/ranges.ts';
import { layerOf } from '../layers.ts';
import { ScaleClasses } from './classes.ts';
import { OP_FORMS } from './forms.ts';
import { type ActivationForm, activationGrid, type Grid, quantOf, type Range, union } from './grid.ts';
import { CompressError, checkPatterns, matchesPattern, type QuantizeOptions } from './options.ts';
import { type LayerNumbers, quantizedLayer } from './weights.ts';

/** What one integer node reads and makes. */
export interface NodePlan {
  readonly node: Node;
  /** By operand: the grid it is read on, for float operands that are activations; undefined for others. */
  readonly reads: readonly (Grid | undefined)[];
  /** By result, undefined for results that are no floats. */
  readonly makes: readonly (Grid | undefined)[];
  readonly inputTypes: readonly TensorType[];
  readonly outputTypes: readonly TensorType[];
  /** Weights and bias, for layers. */
  readonly numbers?: LayerNumbers;
  /** Constant slopes of 8 bits, by operand. */
  readonly slopes?: Grid;
}

export interface KeptNode {
  readonly name: ValueName;
  readonly op: string;
  readonly reason: string;
}

export interface Plan {
  readonly form: ActivationForm;
  readonly nodes: ReadonlyMap<Node, NodePlan>;
  /** Float nodes that stay, with the reason. */
  readonly kept: readonly KeptNode[];
  /** The grid of a value that an integer node makes or reads. */
  readonly gridOf: (value: ValueName) => Grid;
}

export function activationForm({ activations, scales }: QuantizeOptions): ActivationForm {
  const { type, symmetric } = activations;
  return { dtype: type, symmetric: symmetric || type === 'i16', powerOfTwo: scales === 'power-of-two' };
}

/** Throws CompressError for names that the graph has not, and for values without statistics. */
export function planQuantization(graph: Graph, calibration: Calibration, options: QuantizeOptions): Plan {
  checkPatterns(graph, options.keepFloat, 'keepFloat');
  checkPatterns(graph, Object.keys(options.weights.layerBits), 'weights.layerBits');
  const form = activationForm(options);
  const reasons = new Map<Node, string>();
  for (const node of graph.nodes) {
    const reason = refusalOf(graph, node, form.dtype, options.keepFloat);
    if (reason !== undefined) reasons.set(node, reason);
  }
  // A node that turns out to have no integer form at its scales changes the classes of others: all is planned anew.
  for (;;) {
    const chosen = chooseNodes(graph, reasons);
    const gridOf = gridsOf(graph, chosen, calibration, options, form);
    const plans = new Map<Node, NodePlan>();
    let isStable = true;
    for (const node of chosen) {
      const plan = planNode(graph, node, gridOf, options, form.dtype);
      const fault = formFault(plan);
      if (fault === undefined) plans.set(node, plan);
      else {
        reasons.set(node, fault);
        isStable = false;
      }
    }
    if (isStable) return { form, nodes: plans, kept: keptNodes(graph, chosen, reasons), gridOf };
  }
}

function isFloatValue(graph: Graph, value: ValueName): boolean {
  return typeOfValue(graph, value).dtype === 'f32';
}

/** Why the node cannot compute in integers whatever the scales; undefined when it can, or when it has no floats. */
function refusalOf(graph: Graph, node: Node, dtype: 'i8' | 'i16', keepFloat: readonly string[]): string | undefined {
  if (![...node.inputs, ...node.outputs].some((value) => isFloatValue(graph, value))) return 'has no floats';
  const pattern = keepFloat.find((text) => node.outputs.some((name) => matchesPattern(name, text)));
  if (pattern !== undefined) return `keepFloat "${pattern}"`;
  const form = OP_FORMS[node.op];
  if (form.kind === 'float') return form.reason;
  if (form.kind === 'fixed' && form.results[dtype] === undefined) return `has no ${dtype} form`;
  if (form.kind === 'layer') {
    const layer = layerOf(graph, node);
    if (typeof layer === 'string') return layer;
    if (!isFloatValue(graph, layer.weights)) return 'its weights are integers already';
  }
  if (form.kind === 'slopes' && !graph.constants.has(node.inputs[1]))
    return `its slopes %${node.inputs[1]} are no constant`;
  const bad = node.inputs.find((name) => {
    const constant = graph.constants.get(name);
    return constant?.data instanceof Float32Array && !constant.data.every(Number.isFinite);
  });
  if (bad !== undefined) return `its constant %${bad} is not finite`;
  const types = (names: readonly ValueName[], first: boolean) =>
    names.map((name, i) => integerType(graph, node, name, first ? i : -1, dtype));
  const inputs = types(node.inputs, true);
  const outputs = types(node.outputs, false);
  const hasForm = opRecord(node.op).signatures.some((sig) => matches(sig, inputs, outputs));
  return hasForm ? undefined : `has no ${dtype} form`;
}

/** What an operand's (or, with operand -1, a result's) dtype becomes. */
function integerType(graph: Graph, node: Node, name: ValueName, operand: number, dtype: 'i8' | 'i16'): DType {
  const before = typeOfValue(graph, name).dtype;
  if (before !== 'f32') return before;
  const { kind } = OP_FORMS[node.op];
  if (kind === 'layer' && operand === 1) return 'i8';
  if (kind === 'layer' && operand === 2) return node.op === 'transpose_conv2d' && dtype === 'i16' ? 'i64' : 'i32';
  if (kind === 'slopes' && operand === 1) return 'i8';
  return dtype;
}

/**
 * All nodes that can, except those that only pass values on and stand between floats: a value would be quantized just to
 * be moved.
 */
function chooseNodes(graph: Graph, reasons: ReadonlyMap<Node, string>): Set<Node> {
  const able = graph.nodes.filter((node) => !reasons.has(node));
  const isPassing = (node: Node) => OP_FORMS[node.op].kind === 'shared';
  const chosen = new Set(able.filter((node) => !isPassing(node)));
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const consumers = new Map<ValueName, Node[]>();
  for (const node of graph.nodes) {
    for (const name of new Set(node.inputs)) consumers.set(name, [...(consumers.get(name) ?? []), node]);
  }
  const isMade = (name: ValueName) => chosen.has(producers.get(name) as Node);
  for (const node of able) if (isPassing(node) && node.inputs.some(isMade)) chosen.add(node);
  for (const node of able.toReversed()) {
    const readers = node.outputs.flatMap((name) => consumers.get(name) ?? []);
    if (readers.length > 0 && readers.every((reader) => chosen.has(reader))) chosen.add(node);
  }
  return chosen;
}

function keptNodes(graph: Graph, chosen: ReadonlySet<Node>, reasons: ReadonlyMap<Node, string>): KeptNode[] {
  return graph.nodes
    .filter((node) => !chosen.has(node) && reasons.get(node) !== 'has no floats')
    .map((node) => ({
      name: node.outputs[0],
      op: node.op,
      reason: reasons.get(node) ?? 'passes values on between floats',
    }));
}

/** Whether operand `i` is an activation: neither weights, bias or slopes, nor anything but floats. */
function isActivation(graph: Graph, node: Node, i: number): boolean {
  const { kind } = OP_FORMS[node.op];
  return isFloatValue(graph, node.inputs[i]) && (i === 0 || (kind !== 'layer' && kind !== 'slopes'));
}

function activationOperands(graph: Graph, node: Node): ValueName[] {
  return node.inputs.filter((_, i) => isActivation(graph, node, i));
}

/** Scales by class; what was always 0 gets the range 0..1, as any serves. */
function gridsOf(
  graph: Graph,
  chosen: ReadonlySet<Node>,
  calibration: Calibration,
  options: QuantizeOptions,
  form: ActivationForm,
): (value: ValueName) => Grid {
  const classes = classesOf(graph, chosen, form);
  const gridFor = (range: Range) => activationGrid(range.low === range.high ? { low: 0, high: 1 } : range, form);
  const ranges = new Map<ValueName, Range>();
  const ports = options.io === 'integer' ? [...graph.inputs, ...graph.outputs] : [];
  const inside = [...chosen].flatMap((node) => [...activationOperands(graph, node), ...node.outputs]);
  const values = new Set([...ports, ...inside]);
  for (const value of values) {
    if (!isFloatValue(graph, value) || classes.pinOf(value) !== undefined) continue;
    const range = valueRange(graph, value, calibration, options, gridFor);
    const root = classes.of(value);
    ranges.set(root, union(ranges.get(root) ?? range, range));
  }
  const grids = new Map<ValueName, Grid>();
  return (value) => {
    const root = classes.of(value);
    const known = classes.pinOf(value) ?? grids.get(root);
    if (known !== undefined) return known;
    const grid = gridFor(ranges.get(root) as Range);
    grids.set(root, grid);
    return grid;
  };
}

function valueRange(
  graph: Graph,
  value: ValueName,
  calibration: Calibration,
  options: QuantizeOptions,
  gridFor: (range: Range) => Grid,
): Range {
  const constant = graph.constants.get(value);
  if (constant !== undefined) {
    const data = constant.data as Float32Array;
    return data.reduce((range, x) => union(range, { low: Math.min(x, 0), high: Math.max(x, 0) }), { low: 0, high: 0 });
  }
  const statistics = calibration.get(value);
  if (statistics === undefined) {
    throw new CompressError(`%${value} has no statistics: calibrate this very graph before it is quantized`);
  }
  return rangeOf(statistics, options.activations.range, gridFor);
}

/**
 * Values of ops that pass integers on share a class. A grid that an op prescribes spreads to what only passes it on; where
 * it meets others (concat of a softmax and something else) it is requantized on the way in.
 */
function classesOf(graph: Graph, chosen: ReadonlySet<Node>, form: ActivationForm): ScaleClasses {
  const classes = new ScaleClasses();
  const [least, most] = integerRange(form.dtype);
  for (const node of graph.nodes) {
    if (!chosen.has(node)) continue;
    const opForm = OP_FORMS[node.op];
    if (opForm.kind === 'fixed') {
      const fixed = opForm.results[form.dtype];
      if (fixed !== undefined) classes.pin(node.outputs[0], { ...fixed, least, most });
    }
    if (opForm.kind !== 'shared') continue;
    const operands = activationOperands(graph, node);
    const results = node.outputs.filter((name) => isFloatValue(graph, name));
    const single = operands.length === 1 || results.length === 0;
    const free = single ? operands : operands.filter((name) => classes.pinOf(name) === undefined);
    const [first, ...rest] = results.length === 0 ? operands.slice(0, 1) : [...results, ...free];
    for (const other of rest) classes.join(first, other);
  }
  return classes;
}

function planNode(
  graph: Graph,
  node: Node,
  gridOf: (value: ValueName) => Grid,
  options: QuantizeOptions,
  dtype: 'i8' | 'i16',
): NodePlan {
  const { kind } = OP_FORMS[node.op];
  const makes = node.outputs.map((name) => (isFloatValue(graph, name) ? gridOf(name) : undefined));
  // What passes integers on reads all operands on the grid of its result.
  const common = kind === 'shared' ? makes[0] : undefined;
  const reads = node.inputs.map((name, i) => (isActivation(graph, node, i) ? (common ?? gridOf(name)) : undefined));
  const exact =
    'rounding' in node.attrs ? ({ ...node, attrs: { ...node.attrs, rounding: options.rounding } } as Node) : node;
  const typed = (name: ValueName, grid: Grid | undefined): TensorType => {
    const type = typeOfValue(graph, name);
    return grid === undefined ? type : { ...type, dtype, quant: quantOf(grid) };
  };
  const outputTypes = node.outputs.map((name, i) => typed(name, makes[i]));
  const inputTypes = node.inputs.map((name, i) => typed(name, reads[i]));
  if (kind === 'slopes') {
    const { data } = graph.constants.get(node.inputs[1]) ?? { data: [] };
    const magnitude = Array.from(data, Number).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const slopes = activationGrid(
      { low: -(magnitude || 1), high: magnitude || 1 },
      { dtype: 'i8', symmetric: true, powerOfTwo: options.scales === 'power-of-two' },
    );
    inputTypes[1] = { ...inputTypes[1], dtype: 'i8', quant: quantOf(slopes) };
    return { node, reads, makes, inputTypes, outputTypes, slopes };
  }
  if (kind !== 'layer') return { node: exact, reads, makes, inputTypes, outputTypes };
  const layer = layerOf(graph, node);
  if (typeof layer === 'string') throw new TypeError(`%${node.outputs[0]} ${layer}`);
  const numbers = quantizedLayer(graph, layer, reads[0] as Grid, makes[0] as Grid, options);
  inputTypes[1] = numbers.weightType;
  if (numbers.bias !== undefined) inputTypes[2] = numbers.bias.type;
  return { node: numbers.node, reads, makes, inputTypes, outputTypes, numbers };
}

/** Why the op does not take these types. */
function formFault({ node, inputTypes, outputTypes, numbers }: NodePlan): string | undefined {
  if (numbers?.fault !== undefined) return numbers.fault;
  const record = opRecord(node.op);
  const dtypes = (types: readonly TensorType[]) => types.map((type) => type.dtype);
  if (!record.signatures.some((sig) => matches(sig, dtypes(inputTypes), dtypes(outputTypes)))) {
    return `has no form for ${dtypes(inputTypes).join(', ')} to ${dtypes(outputTypes).join(', ')}`;
  }
  return record.check?.({ inputs: inputTypes, outputs: outputTypes, attrs: node.attrs });
}
