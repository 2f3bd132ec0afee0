/** Runs over the nodes of graphs and functions, and binds their names to what converters build. */
import { OpError } from '../../../ir/tensor/op.ts';
import { GraphBuilder } from '../builder.ts';
import { type Place, quoted, within } from '../place.ts';
import { Attributes } from './attributes.ts';
import { converterOf } from './convert/index.ts';
import type { ExternalFiles } from './external.ts';
import { MAIN_DOMAIN, type OnnxFile, type Opsets } from './model-file.ts';
import { NodeContext } from './node.ts';
import { Ops } from './ops.ts';
import type { AttributeProto, FunctionProto, GraphProto, NodeProto } from './schema.ts';
import { type Literal, readSparseTensor, readTensor } from './tensors.ts';
import { type Bound, isSequence, Scope, type Value } from './values.ts';

/** Nodes run in all: loops and functions repeat theirs. */
const MAX_NODES = 2 ** 17;
const MAX_FUNCTION_DEPTH = 32;

/** The surroundings of nodes: whose names they see, which versions their operators have, where they stand. */
export interface Frame {
  readonly scope: Scope;
  readonly opsets: Opsets;
  readonly place: Place;
  /** Attributes of the call of the function that the nodes belong to. */
  readonly caller: ReadonlyMap<string, AttributeProto> | undefined;
  readonly depth: number;
}

/** One node of the main graph, for reports by layer. */
export interface Layer {
  readonly index: number;
  readonly operator: string;
  readonly outputs: readonly Value[];
}

export class Importer {
  readonly file: OnnxFile;
  readonly external: ExternalFiles;
  readonly builder: GraphBuilder;
  readonly layers: Layer[] = [];
  /** What the file calls values, for the names of the graph. The first name of a value holds. */
  readonly names = new Map<string, string>();
  #nodes = 0;

  constructor(file: OnnxFile, external: ExternalFiles) {
    this.file = file;
    this.external = external;
    this.builder = new GraphBuilder(file);
  }

  /** Makes constants of a graph known by name. */
  initializers(graph: GraphProto, frame: Frame, except: ReadonlySet<string> = new Set()): void {
    for (const tensor of graph.initializer) {
      if (except.has(tensor.name)) continue;
      const place = within(frame.place, `initializer ${quoted(tensor.name)}`);
      this.define(
        frame,
        tensor.name,
        this.constant(readTensor(this.file, tensor, this.external, place), tensor.name),
        place,
      );
    }
    for (const sparse of graph.sparse_initializer) {
      const name = sparse.values?.name ?? '';
      const place = within(frame.place, `sparse initializer ${quoted(name)}`);
      const literal = readSparseTensor(this.file, sparse, this.external, place);
      this.builder.charge(literal.type, place);
      this.define(frame, name, this.constant(literal, name), place);
    }
  }

  constant({ element, type, data }: Literal, name: string): Value {
    return { ...this.builder.operand(this.builder.constant(name, type, data)), element };
  }

  /** Binds a name of the file. Throws ImportError when the scope has it already. */
  define(frame: Frame, name: string, bound: Bound, place: Place): void {
    if (frame.scope.defines(name)) this.file.refuse(place, 'names that are defined once', quoted(name));
    frame.scope.define(name, bound);
    if (bound !== undefined && !isSequence(bound) && !this.names.has(bound.value)) this.names.set(bound.value, name);
  }

  run(nodes: readonly NodeProto[], frame: Frame, isMain = false): void {
    nodes.forEach((node, index) => {
      const title = node.name === '' ? (node.output[0] ?? '') : node.name;
      const place = within(frame.place, `node ${index} ${node.op_type} ${quoted(title)}`);
      if (++this.#nodes > MAX_NODES) this.file.refuse(place, `at most ${MAX_NODES} nodes, loops unrolled`, 'more');
      const outputs = this.#node(node, frame, place);
      if (isMain) {
        const values = outputs.filter((bound): bound is Value => bound !== undefined && !isSequence(bound));
        this.layers.push({ index, operator: node.op_type, outputs: values });
      }
    });
  }

  /** A graph that stands in an attribute, which sees the names around it. */
  subgraph(graph: GraphProto, inputs: readonly Bound[], outer: Frame, place: Place): Bound[] {
    const frame: Frame = { ...outer, scope: new Scope(outer.scope), place };
    if (inputs.length > graph.input.length) {
      this.file.refuse(place, `a graph of ${inputs.length} inputs`, `${graph.input.length}`);
    }
    graph.input.forEach(({ name }, i) => {
      this.define(frame, name, inputs[i], within(place, `input ${i}`));
    });
    this.initializers(graph, frame, new Set(graph.input.slice(0, inputs.length).map(({ name }) => name)));
    this.run(graph.node, frame);
    return graph.output.map(({ name }, i) => this.#read(frame, name, within(place, `output ${i}`)));
  }

  #node(node: NodeProto, frame: Frame, place: Place): readonly Bound[] {
    const domain = node.domain === 'ai.onnx' ? MAIN_DOMAIN : node.domain;
    const inputs = node.input.map((name, i) =>
      name === '' ? undefined : this.#read(frame, name, within(place, `input ${i}`)),
    );
    const own = this.file.functionNamed(domain, node.op_type, node.overload);
    const attributes = this.#attributes(node, frame, place);
    const results =
      own === undefined
        ? this.#convert(node, domain, inputs, attributes, frame, place)
        : this.#call(own, inputs, attributes, frame, place);
    if (node.output.length > results.length) {
      const extra = node.output.slice(results.length).find((name) => name !== '');
      if (extra !== undefined) this.file.refuse(place, `${results.length} outputs`, `${node.output.length}`);
    }
    node.output.forEach((name, i) => {
      if (name !== '') this.define(frame, name, results[i], place);
    });
    return results;
  }

  #read(frame: Frame, name: string, place: Place): Bound {
    if (!frame.scope.has(name)) {
      this.file.refuse(place, 'a name that is defined before it is used', quoted(name));
    }
    return frame.scope.get(name);
  }

  /** Attributes with references to the caller's replaced. */
  #attributes(node: NodeProto, frame: Frame, place: Place): readonly AttributeProto[] {
    return node.attribute.flatMap((attribute) => {
      if (attribute.ref_attr_name === '') return [attribute];
      if (frame.caller === undefined) {
        this.file.refuse(place, 'references to attributes only in functions', quoted(attribute.name));
      }
      const given = frame.caller.get(attribute.ref_attr_name);
      return given === undefined ? [] : [{ ...given, name: attribute.name }];
    });
  }

  #convert(
    node: NodeProto,
    domain: string,
    inputs: readonly Bound[],
    attributes: readonly AttributeProto[],
    frame: Frame,
    place: Place,
  ): readonly Bound[] {
    const converter = converterOf(domain, node.op_type);
    if (converter === undefined) {
      const name = domain === MAIN_DOMAIN ? node.op_type : `${domain}.${node.op_type}`;
      return this.file.refuse(place, 'an operator that mcc knows', name, 'docs/onnx-ops.md lists them.');
    }
    const version = frame.opsets.get(domain);
    if (version === undefined) {
      return this.file.refuse(place, `an opset_import of domain ${quoted(domain)}`, 'none');
    }
    const reader = new Attributes(this.file, this.external, place, attributes);
    const context = new NodeContext({
      operator: node.op_type,
      version,
      inputs,
      inputNames: node.input,
      outputNames: node.output,
      attributes: reader,
      ops: new Ops(this.builder, place, node.output.find((name) => name !== '') ?? node.op_type),
      runGraph: (graph, values) => this.subgraph(graph, values, frame, within(place, 'graph')),
      source: this.file,
      place,
    });
    const results = this.#guarded(place, () => converter(context));
    reader.expectAllRead(node.op_type);
    return Array.isArray(results) ? results : [results as Bound];
  }

  /** Shapes that do not fit together are the file's fault. */
  #guarded<T>(place: Place, action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof OpError)) throw error;
      return this.file.refuse(place, 'operands that fit together', error.message);
    }
  }

  /** A function of the model, its nodes in place of the call. */
  #call(
    callee: FunctionProto,
    inputs: readonly Bound[],
    attributes: readonly AttributeProto[],
    outer: Frame,
    place: Place,
  ): readonly Bound[] {
    if (outer.depth >= MAX_FUNCTION_DEPTH) {
      this.file.refuse(place, `calls of functions at most ${MAX_FUNCTION_DEPTH} deep`, 'deeper ones');
    }
    const defaults = callee.attribute_proto.map((attribute) => [attribute.name, attribute] as const);
    const given = attributes.map((attribute) => [attribute.name, attribute] as const);
    const frame: Frame = {
      scope: new Scope(),
      opsets: callee.opset_import.length > 0 ? this.file.opsetsOf(callee.opset_import) : outer.opsets,
      place,
      caller: new Map([...defaults, ...given]),
      depth: outer.depth + 1,
    };
    if (inputs.length > callee.input.length) {
      this.file.refuse(place, `at most ${callee.input.length} inputs`, `${inputs.length}`);
    }
    callee.input.forEach((name, i) => {
      this.define(frame, name, inputs[i], place);
    });
    this.run(callee.node, frame);
    return callee.output.map((name) => this.#read(frame, name, place));
  }
}
