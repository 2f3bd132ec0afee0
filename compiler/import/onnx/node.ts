/** What a converter sees of one ONNX node, and how it answers. */
import { typeText } from '../../../ir/tensor/types.ts';
import { type Place, type SourceFile, within } from '../place.ts';
import type { Attributes } from './attributes.ts';
import { type Element, elementFacts } from './elements.ts';
import type { Ops } from './ops.ts';
import type { GraphProto } from './schema.ts';
import { type Bound, isSequence, type Value } from './values.ts';

/** Runs the graph of an attribute with its inputs bound, in the scope of the node. */
export type RunGraph = (graph: GraphProto, inputs: readonly Bound[]) => Bound[];

export interface NodeParts {
  readonly operator: string;
  /** Version of the operator's domain. */
  readonly version: number;
  readonly inputs: readonly Bound[];
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly attributes: Attributes;
  readonly ops: Ops;
  readonly runGraph: RunGraph;
  readonly source: SourceFile;
  readonly place: Place;
}

export const CONSTANT_ADVICE = 'Give it a value at import with --constant name=value if it is an input of the model.';

export class NodeContext {
  readonly operator: string;
  readonly version: number;
  readonly attributes: Attributes;
  readonly ops: Ops;
  readonly runGraph: RunGraph;
  readonly inputCount: number;
  readonly outputCount: number;
  readonly #parts: NodeParts;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.operator = parts.operator;
    this.version = parts.version;
    this.attributes = parts.attributes;
    this.ops = parts.ops;
    this.runGraph = parts.runGraph;
    this.inputCount = parts.inputNames.length;
    this.outputCount = parts.outputNames.length;
  }

  bound(index: number): Bound {
    return this.#parts.inputs[index];
  }

  /** Whether output `index` has a name, so that somebody may read it. */
  wants(index: number): boolean {
    return (this.#parts.outputNames[index] ?? '') !== '';
  }

  /** Input `index`, undefined where it is left out. Throws ImportError for a sequence. */
  optional(index: number): Value | undefined {
    const bound = this.bound(index);
    if (isSequence(bound)) return this.refuse(`a tensor as input ${index}`, 'a sequence');
    return bound;
  }

  input(index: number): Value {
    return this.optional(index) ?? this.refuse(`input ${index}`, 'none');
  }

  inputs(from = 0): Value[] {
    return Array.from({ length: this.inputCount - from }, (_, i) => this.input(from + i));
  }

  items(index: number): readonly Value[] {
    const bound = this.bound(index);
    return isSequence(bound) ? bound.items : this.refuse(`a sequence as input ${index}`, 'something else');
  }

  /** Elements of input `index`, which must be known at import; undefined where it is left out. */
  optionalNumbers(index: number, what: string): number[] | undefined {
    const value = this.optional(index);
    if (value === undefined) return undefined;
    if (value.data !== undefined) return Array.from(value.data as ArrayLike<number>, Number);
    const name = JSON.stringify(this.#parts.inputNames[index]);
    return this.refuse(`${what} (input ${index}, ${name}) known at import`, 'a value of run time', CONSTANT_ADVICE);
  }

  numbers(index: number, what: string): number[] {
    return this.optionalNumbers(index, what) ?? this.refuse(what, `no input ${index}`);
  }

  /** One number. */
  number(index: number, what: string, otherwise?: number): number {
    const values = this.optionalNumbers(index, what);
    if (values === undefined && otherwise !== undefined) return otherwise;
    if (values?.length !== 1) return this.refuse(`one number as ${what}`, `${values?.length ?? 'no'} numbers`);
    return values[0];
  }

  /** Integers of an attribute in old versions of an operator, of an input in new ones. */
  intsOf(name: string, input: number): number[] | undefined {
    return this.attributes.ints(name) ?? this.optionalNumbers(input, name);
  }

  /** `axis` counted from the front. */
  axis(axis: number, rank: number): number {
    const counted = axis < 0 ? axis + rank : axis;
    if (Number.isInteger(counted) && counted >= 0 && counted < rank) return counted;
    return this.refuse(`an axis within -${rank}..${rank - 1}`, `${axis}`);
  }

  axes(axes: readonly number[], rank: number): number[] {
    const counted = axes.map((axis) => this.axis(axis, rank));
    if (new Set(counted).size !== counted.length) this.refuse('axes that differ', `[${axes}]`);
    return counted;
  }

  /** Throws unless the tensor has `rank` dimensions. */
  expectRank(value: Value, rank: number, what: string): void {
    if (value.type.shape.length !== rank) this.refuse(`${what} of rank ${rank}`, typeText(value.type));
  }

  /** A value as another element type, its elements already right. */
  as(value: Value, element: Element): Value {
    const { dtype } = elementFacts(element);
    return { ...this.ops.cast(value, dtype), element };
  }

  refuse(expected: string, found: string, advice?: string): never {
    return this.#parts.source.refuse(this.#parts.place, expected, found, advice);
  }

  /** Refuses an attribute. */
  refuseAttribute(name: string, expected: string, found: string): never {
    return this.#parts.source.refuse(within(this.#parts.place, name), expected, found);
  }
}

/** Adds what the node computes and returns its outputs, in their order; those nobody wants may be missing. */
export type Converter = (node: NodeContext) => Bound | readonly Bound[];
export type Converters = Readonly<Record<string, Converter>>;
