/** From the bytes of a .onnx file to a graph. */
import type { Graph, Node, ValueName } from '../../../ir/tensor/graph.ts';
import {
  elementCount,
  NO_QUANT,
  newData,
  type TensorData,
  type TensorType,
  typeText,
} from '../../../ir/tensor/types.ts';
import { printable } from '../builder.ts';
import type { ImportedModel } from '../imported-model.ts';
import { checkShape, type Place, quoted, ROOT, within } from '../place.ts';
import { type Element, elementFacts } from './elements.ts';
import { externalFiles } from './external.ts';
import { type Frame, Importer } from './importer.ts';
import { OnnxFile } from './model-file.ts';
import type { TypeProto, ValueInfoProto } from './schema.ts';
import { elementNamed } from './tensors.ts';
import { isSequence, Scope, type Value } from './values.ts';

export interface OnnxImportOptions {
  /** The graph's name. */
  readonly name: string;
  /** Path of the model; files beside it may hold tensors. */
  readonly file: string;
  /** Shapes of inputs whose dimensions the file leaves open, by name. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /** Extent of an open first dimension that `shapes` does not name; 1 unless stated. */
  readonly batch?: number;
  /** Inputs that become constants: numbers in the order of the elements. */
  readonly constants?: ReadonlyMap<string, ArrayLike<number>>;
}

/** Throws ImportError when the file is damaged or holds something that has no counterpart in the IR. */
export function importOnnx(bytes: Uint8Array, options: OnnxImportOptions): ImportedModel {
  const file = new OnnxFile(bytes, options.file);
  const importer = new Importer(file, externalFiles(file, options.file));
  const frame: Frame = { scope: new Scope(), opsets: file.opsets, place: ROOT, caller: undefined, depth: 0 };
  const inputs = bindInputs(importer, frame, options);
  importer.run(file.graph.node, frame, true);
  const outputs = bindOutputs(importer, frame, new Set(inputs));
  const { builder } = importer;
  const layers = importer.layers.map(({ index, operator, outputs: values }) => ({
    index,
    opcode: operator,
    outputs: values.filter(({ type }) => elementCount(type.shape) > 0).map(({ value }) => value),
  }));
  const used = new Set([
    ...outputs,
    ...builder.nodes.flatMap((node) => node.inputs),
    ...layers.flatMap((layer) => layer.outputs),
  ]);
  const constants = new Map([...builder.constants].filter(([name]) => used.has(name)));
  const types = new Map([...builder.types].filter(([name]) => constants.has(name) || !builder.constants.has(name)));
  const graph: Graph = { name: options.name, inputs, outputs, states: [], constants, nodes: builder.nodes, types };
  const rename = namesOfFile(graph, importer.names);
  return {
    graph: renamed(graph, rename),
    layers: layers.map((layer) => ({ ...layer, outputs: layer.outputs.map((value) => rename.get(value) ?? value) })),
    tensorNames: new Map(),
    description: file.producer,
  };
}

function bindInputs(importer: Importer, frame: Frame, options: OnnxImportOptions): ValueName[] {
  const { graph } = importer.file;
  importer.initializers(graph, frame);
  // Old files list constants among the inputs too.
  const open = graph.input.filter(({ name }) => !frame.scope.defines(name));
  for (const flag of ['shapes', 'constants'] as const) {
    for (const name of options[flag]?.keys() ?? []) {
      if (open.some((input) => input.name === name)) continue;
      const known = open.map((input) => quoted(input.name)).join(', ');
      importer.file.refuse(ROOT, `one of the inputs ${known} in --${flag.slice(0, -1)}`, quoted(name));
    }
  }
  return open.flatMap((input, i) => {
    const place = within(ROOT, `input ${i} ${quoted(input.name)}`);
    const { element, type } = inputType(importer, input, options, place);
    const values = options.constants?.get(input.name);
    if (values !== undefined) {
      const data = constantData(importer, values, type, place);
      importer.define(frame, input.name, importer.constant({ element, type, data }, input.name), place);
      return [];
    }
    if (elementCount(type.shape) === 0) {
      // What has no elements has one value only.
      importer.define(
        frame,
        input.name,
        importer.constant({ element, type, data: newData(type.dtype, 0) }, input.name),
        place,
      );
      return [];
    }
    const value = importer.builder.define(input.name, type);
    importer.define(frame, input.name, { value, type, data: undefined, element }, place);
    return [value];
  });
}

function constantData(importer: Importer, values: ArrayLike<number>, type: TensorType, place: Place): TensorData {
  const count = elementCount(type.shape);
  if (values.length !== count) {
    importer.file.refuse(place, `${count} values for ${typeText(type)} in --constant`, `${values.length}`);
  }
  const data = new Float64Array(values);
  if (type.dtype === 'f32') return new Float32Array(data);
  if (type.dtype === 'i32') return Int32Array.from(data, (value) => Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1));
  if (type.dtype === 'i16') return Int16Array.from(data);
  return type.dtype === 'i8' ? Int8Array.from(data) : Uint8Array.from(data);
}

function inputType(
  importer: Importer,
  { name, type }: ValueInfoProto,
  options: OnnxImportOptions,
  place: Place,
): { element: Element; type: TensorType } {
  const tensor = type?.tensor_type;
  if (tensor === undefined) return importer.file.refuse(place, 'a tensor', otherKind(type));
  const element = elementNamed(importer.file, tensor.elem_type, place);
  const { dtype } = elementFacts(element);
  const shape = inputShape(importer, name, tensor.shape?.dim, options, place);
  checkShape(importer.file, shape, dtype, place);
  return { element, type: { dtype, shape, quant: NO_QUANT } };
}

function otherKind(type: TypeProto | undefined): string {
  if (type?.sequence_type !== undefined) return 'a sequence';
  return type?.optional_type === undefined ? 'no type' : 'an optional';
}

/** The stated shape, open dimensions closed by the options. */
function inputShape(
  importer: Importer,
  name: string,
  dims: readonly { readonly dim_value: number | undefined; readonly dim_param: string }[] | undefined,
  options: OnnxImportOptions,
  place: Place,
): readonly number[] {
  const text = dims?.map(({ dim_value, dim_param }) => dim_value ?? (dim_param === '' ? '?' : dim_param)).join(',');
  const given = options.shapes?.get(name);
  if (given !== undefined) {
    const fits =
      dims === undefined ||
      (dims.length === given.length &&
        dims.every(({ dim_value }, axis) => dim_value === undefined || dim_value === given[axis]));
    if (!fits) importer.file.refuse(place, `a shape that fits [${text}]`, `[${given}]`);
    return given;
  }
  if (dims === undefined) {
    return importer.file.refuse(place, 'a shape', 'none', `State it: --shape ${name}=1,3,224,224`);
  }
  return dims.map(({ dim_value: value }, axis) => {
    if (value !== undefined) return value;
    if (axis === 0) return options.batch ?? 1;
    return importer.file.refuse(place, 'fixed dimensions', `[${text}]`, `State them: --shape ${name}=1,3,224,224`);
  });
}

function bindOutputs(importer: Importer, frame: Frame, taken: Set<ValueName>): ValueName[] {
  const { graph } = importer.file;
  if (graph.output.length === 0) importer.file.refuse(ROOT, 'at least one output', 'none');
  return graph.output.map(({ name }, i) => {
    const place = within(ROOT, `output ${i} ${quoted(name)}`);
    if (!frame.scope.has(name))
      importer.file.refuse(place, 'an output that is computed', 'a name that nothing defines');
    const bound = frame.scope.get(name);
    if (bound === undefined || isSequence(bound)) {
      return importer.file.refuse(place, 'a tensor', bound === undefined ? 'an optional' : 'a sequence');
    }
    if (elementCount(bound.type.shape) === 0) importer.file.refuse(place, 'at least one element', typeText(bound.type));
    const value = taken.has(bound.value) ? copied(importer, bound, place) : bound.value;
    taken.add(value);
    importer.names.set(value, name);
    return value;
  });
}

/** A value of its own for an output that is an input or another output too. */
function copied(importer: Importer, { value, type }: Value, place: Place): ValueName {
  const copy = importer.builder.apply('reshape', [value], { shape: [...type.shape] }, place);
  return importer.builder.add(copy, [{ name: 'copy', dtype: type.dtype, quant: NO_QUANT }], place)[0];
}

/** The file's names of values, printable and unique. Inputs come first, then outputs, so that both keep theirs. */
function namesOfFile(graph: Graph, names: ReadonlyMap<ValueName, string>): ReadonlyMap<ValueName, ValueName> {
  const taken = new Set<string>();
  const result = new Map<ValueName, ValueName>();
  const order = [...graph.inputs, ...graph.outputs, ...graph.types.keys()];
  for (const value of order) {
    if (result.has(value)) continue;
    const base = printable(names.get(value) ?? value);
    let name = base;
    for (let i = 1; taken.has(name); i++) name = `${base}_${i}`;
    taken.add(name);
    result.set(value, name);
  }
  return result;
}

function renamed(graph: Graph, names: ReadonlyMap<ValueName, ValueName>): Graph {
  const name = (value: ValueName): ValueName => names.get(value) ?? value;
  const keys = <T>(map: ReadonlyMap<ValueName, T>): Map<ValueName, T> =>
    new Map([...map].map(([value, item]) => [name(value), item]));
  return {
    ...graph,
    inputs: graph.inputs.map(name),
    outputs: graph.outputs.map(name),
    constants: keys(graph.constants),
    types: keys(graph.types),
    nodes: graph.nodes.map(
      (node) => ({ ...node, inputs: node.inputs.map(name), outputs: node.outputs.map(name) }) as Node,
    ),
  };
}
