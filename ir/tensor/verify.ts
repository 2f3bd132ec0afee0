/**
 * What makes a graph valid. LAWS lists every law that is checked, one line each; tests/ir/tensor/verify.test.ts breaks each.
 *
 * Laws that hold by agreement and are not checked here:
 * - A `hashed` constant's values fit its hash: elements that share a bucket are equal.
 * - A `low-rank` constant is the product of two matrices of that inner dimension.
 * - A node computes what its op's record says. `evaluate` is the definition, so this has no other witness.
 */
import { type Graph, inputTypes, type Node, outputTypes, type ValueName } from './graph.ts';
import { matches, type OpRecord } from './op.ts';
import { isOpName, OP_NAMES, opRecord } from './ops/index.ts';
import { jsonText, valueText } from './print.ts';
import { sameShape, sameType, type TensorType, typeText } from './types.ts';
import { dataFaults, encodingFaults, type Fault, typeFaults } from './verify-types.ts';

export const LAWS = {
  extent: 'Extents are integers of at least 1.',
  size: 'A tensor has at most 8 dimensions and 2^31 - 1 elements.',
  'quant-dtype':
    'Floats and bool have no quantization; affine and fixed are for integers of 2 bits and more, binary for i1, ternary ' +
    'for i2, codebook for u4 and u8.',
  'quant-axis': 'Quantization has one entry per index along its axis, or one in all without an axis.',
  scale: 'Scales and alphas are finite f32 values above 0.',
  'zero-point': 'Zero points are integers in the range of the dtype.',
  fraction: 'Fraction bits are integers in -126..126.',
  codebook: 'A codebook has 1 to 2^bits finite f32 entries, and all 2^bits unless it belongs to a constant.',
  'i64-constant': 'i64 is a dtype of constants only.',
  'data-array': 'Constants and initial states are in the array class of their dtype.',
  'data-length': 'Constants and initial states have as many values as their shape.',
  'data-range': 'Stored values are in the range of dtype, ternary digits and codebook.',
  encoding:
    'An encoding fits its constant: sparse needs a stored zero, relative 1..16 bits, block the rank and extents of the shape; ' +
    'low-rank is for matrices, of rank at most the smaller extent; hashed has a bucket per distinct value and a u32 seed; ' +
    'entropy lies over an encoding that is not entropy itself.',
  'defined-once': 'A name is defined once: as an input, a constant, a state or an output of one node.',
  'types-complete': 'The types are of exactly the values that are defined.',
  'defined-before-use': 'A node reads values that inputs, constants, states or earlier nodes define.',
  'output-exists': 'Outputs of the graph are defined; a graph has at least one.',
  'state-next': "A state's next value is defined and has the state's type.",
  'node-op': 'The op of a node is in the op table.',
  'node-attrs': 'The attributes of a node are what its schema gives, defaults filled in.',
  'node-arity': 'A node has as many operands and results as its op.',
  'node-signature': 'The dtypes of a node match one signature of its op.',
  'node-shape': 'The declared shapes of results are the inferred ones.',
  'node-check': "A node obeys the further laws of its op's record (quantization, mostly).",
  'node-movement': 'An op that moves elements keeps their dtype and quantization.',
} as const;
export type Law = keyof typeof LAWS;

export interface Diagnostic extends Fault {
  /** The value or node at fault. */
  readonly where: string;
}

/** `%y = conv2d: expected 2 to 3 operands, found 1 [node-arity]` */
export function diagnosticText({ where, law, expected, found }: Diagnostic): string {
  return `${where}: expected ${expected}, found ${found} [${law}]`;
}

export class VerifyError extends Error {
  override name = 'VerifyError';
  readonly diagnostics: readonly Diagnostic[];

  constructor(graph: Graph, diagnostics: readonly Diagnostic[]) {
    const shown = diagnostics.slice(0, 10).map((d) => `\n  ${diagnosticText(d)}`);
    const rest = diagnostics.length > shown.length ? `\n  and ${diagnostics.length - shown.length} more` : '';
    super(`graph ${graph.name} is not valid:${shown.join('')}${rest}`);
    this.diagnostics = diagnostics;
  }
}

/** Throws VerifyError, which names every law the graph breaks. */
export function assertValid(graph: Graph): void {
  const diagnostics = verifyGraph(graph);
  if (diagnostics.length > 0) throw new VerifyError(graph, diagnostics);
}

/** Every broken law; empty for a valid graph. Never throws. Laws that build on a broken one are not tried. */
export function verifyGraph(graph: Graph): Diagnostic[] {
  const names = nameDiagnostics(graph);
  if (names.length > 0) return names;
  const values = [...graph.types].flatMap(([name, type]) => at(valueText(name), valueFaults(graph, name, type)));
  if (values.length > 0) return values;
  return [...stateDiagnostics(graph), ...graph.nodes.flatMap((node) => at(nodeWhere(node), nodeFaults(graph, node)))];
}

function at(where: string, faults: readonly Fault[]): Diagnostic[] {
  return faults.map((fault) => ({ where, ...fault }));
}

function nodeWhere(node: Node): string {
  return `${node.outputs.map(valueText).join(', ')} = ${node.op}`;
}

function nameDiagnostics(graph: Graph): Diagnostic[] {
  const found: Diagnostic[] = [];
  const defined = new Set<ValueName>();
  const define = (name: ValueName, as: string) => {
    const where = valueText(name);
    if (defined.has(name))
      found.push({ where, law: 'defined-once', expected: 'one definition', found: `another as ${as}` });
    if (!graph.types.has(name)) found.push({ where, law: 'types-complete', expected: 'a type', found: 'none' });
    defined.add(name);
  };
  const use = (name: ValueName, where: string, law: Law, expected: string) => {
    if (!defined.has(name)) found.push({ where, law, expected, found: valueText(name) });
  };
  for (const name of graph.inputs) define(name, 'an input');
  for (const name of graph.constants.keys()) define(name, 'a constant');
  for (const { name } of graph.states) define(name, 'a state');
  for (const node of graph.nodes) {
    const where = nodeWhere(node);
    for (const name of node.inputs) use(name, where, 'defined-before-use', 'operands that are defined earlier');
    for (const name of node.outputs) define(name, `a result of ${node.op}`);
  }
  for (const { name, next } of graph.states) use(next, valueText(name), 'state-next', 'a next value that is defined');
  for (const name of graph.outputs) use(name, `graph ${graph.name}`, 'output-exists', 'outputs that are defined');
  if (graph.outputs.length === 0) {
    found.push({ where: `graph ${graph.name}`, law: 'output-exists', expected: 'at least one output', found: 'none' });
  }
  for (const name of graph.types.keys()) use(name, 'the types', 'types-complete', 'defined values only');
  return found;
}

function valueFaults(graph: Graph, name: ValueName, type: TensorType): Fault[] {
  const faults = typeFaults(type);
  if (faults.length > 0) return faults;
  const constant = graph.constants.get(name);
  if (constant !== undefined) {
    const data = dataFaults(type, constant.data);
    return data.length > 0 ? data : encodingFaults(type, constant);
  }
  const variable = variableFaults(type);
  const state = graph.states.find((s) => s.name === name);
  return variable.length > 0 || state === undefined ? variable : dataFaults(type, state.initial);
}

/** Laws of values that are not known when compiling. */
function variableFaults({ dtype, quant }: TensorType): Fault[] {
  if (dtype === 'i64')
    return [{ law: 'i64-constant', expected: 'i64 on a constant', found: 'i64 on a computed value' }];
  const entries = dtype === 'u4' ? 16 : 256;
  if (quant.kind === 'codebook' && quant.table.length < entries) {
    return [{ law: 'codebook', expected: `a table of ${entries} entries`, found: String(quant.table.length) }];
  }
  return [];
}

function stateDiagnostics(graph: Graph): Diagnostic[] {
  return graph.states.flatMap(({ name, next }) => {
    const type = graph.types.get(name) as TensorType;
    const nextType = graph.types.get(next) as TensorType;
    if (sameType(type, nextType)) return [];
    const found = `${valueText(next)} : ${typeText(nextType)}`;
    return [
      { where: valueText(name), law: 'state-next' as const, expected: `a next value of ${typeText(type)}`, found },
    ];
  });
}

function nodeFaults(graph: Graph, node: Node): Fault[] {
  if (!isOpName(node.op)) {
    const { op } = node as { op: string };
    return [{ law: 'node-op', expected: `an op (${OP_NAMES.join(', ')})`, found: op }];
  }
  const record = opRecord(node.op);
  for (const law of [attrsFaults, arityFaults, signatureFaults, shapeFaults, checkFaults, movementFaults]) {
    const faults = law(record, node, graph);
    if (faults.length > 0) return faults;
  }
  return [];
}

function attrsFaults(record: OpRecord, node: Node): Fault[] {
  const law = 'node-attrs';
  const parsed = record.attrs.safeParse(node.attrs);
  if (!parsed.success) {
    const found = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'attributes'}: ${issue.message}`);
    return [{ law, expected: `attributes of ${node.op}`, found: found.join('; ') }];
  }
  if (canonicalJson(parsed.data) === canonicalJson(node.attrs)) return [];
  return [{ law, expected: `all attributes, ${jsonText(parsed.data)}`, found: jsonText(node.attrs) }];
}

/** JSON with the keys of every object sorted. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return jsonText(value);
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return `{${entries
    .map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`)
    .sort()
    .join(',')}}`;
}

function arityFaults(record: OpRecord, node: Node): Fault[] {
  const least = record.inputs.filter((name) => !name.endsWith('?')).length;
  const most = record.inputs.some((name) => name.endsWith('*')) ? Number.POSITIVE_INFINITY : record.inputs.length;
  const count = node.inputs.length;
  if (count < least || count > most) {
    const many =
      most === least ? `${least}` : most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`;
    return [{ law: 'node-arity', expected: `${many} operands (${record.inputs.join(', ')})`, found: String(count) }];
  }
  if (node.outputs.length === record.outputs.length) return [];
  const wanted = record.outputs.length;
  const results = `${wanted} ${wanted === 1 ? 'result' : 'results'} (${record.outputs.join(', ')})`;
  return [{ law: 'node-arity', expected: results, found: String(node.outputs.length) }];
}

function signatureFaults(record: OpRecord, node: Node, graph: Graph): Fault[] {
  const inputs = inputTypes(graph, node).map((type) => type.dtype);
  const outputs = outputTypes(graph, node).map((type) => type.dtype);
  if (record.signatures.some((sig) => matches(sig, inputs, outputs))) return [];
  const accepted = record.signatures.map((sig) => sig.text).join(', ');
  return [
    { law: 'node-signature', expected: `one of ${accepted}`, found: `${inputs.join(' ')} -> ${outputs.join(' ')}` },
  ];
}

/** What a record's function says, with anything it throws as the complaint. */
function complaintOf(run: () => string | undefined): string | undefined {
  try {
    return run();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function shapeFaults(record: OpRecord, node: Node, graph: Graph): Fault[] {
  const outputs = outputTypes(graph, node);
  let shapes: readonly (readonly number[])[] = [];
  const complaint = complaintOf(() => {
    shapes = record.infer({
      inputs: inputTypes(graph, node),
      attrs: node.attrs,
      constant: (input) => graph.constants.get(node.inputs[input] as ValueName)?.data,
    });
    return undefined;
  });
  const text = (list: readonly (readonly number[])[]) => list.map((shape) => `[${shape.join(',')}]`).join(', ');
  if (complaint !== undefined) {
    return [{ law: 'node-shape', expected: `operands and attributes that ${node.op} accepts`, found: complaint }];
  }
  if (shapes.length === outputs.length && shapes.every((shape, i) => sameShape(shape, outputs[i]?.shape ?? [])))
    return [];
  return [{ law: 'node-shape', expected: text(shapes), found: text(outputs.map((type) => type.shape)) }];
}

function checkFaults(record: OpRecord, node: Node, graph: Graph): Fault[] {
  const types = { inputs: inputTypes(graph, node), outputs: outputTypes(graph, node) };
  const complaint = complaintOf(() => record.check?.({ ...types, attrs: node.attrs }));
  if (complaint === undefined) return [];
  return [{ law: 'node-check', expected: `operands and results that ${node.op} accepts`, found: complaint }];
}

/** The moved operands are the first, or all when the first repeats. */
function movementFaults(record: OpRecord, node: Node, graph: Graph): Fault[] {
  if (record.traits.movement !== true) return [];
  const inputs = inputTypes(graph, node);
  const moved = record.inputs[0]?.endsWith('*') ? inputs : inputs.slice(0, 1);
  const first = moved[0] as TensorType;
  const kept = (type: TensorType) => sameType({ ...type, shape: [] }, { ...first, shape: [] });
  const bad = [...moved, ...outputTypes(graph, node)].find((type) => !kept(type));
  if (bad === undefined) return [];
  const expected = `the dtype and quantization of ${typeText(first)} on all that moves`;
  return [{ law: 'node-movement', expected, found: typeText(bad) }];
}
