/** A graph under construction: unique names, checked nodes, and constant folding. */
import type { Constant, Node, State, ValueName } from '../../ir/tensor/graph.ts';
import { matches, OpError, type OpRecord } from '../../ir/tensor/op.ts';
import { type Attrs, type OpName, opRecord } from '../../ir/tensor/ops/index.ts';
import {
  byteSize,
  DENSE,
  type DType,
  elementCount,
  type Quant,
  type TensorData,
  type TensorType,
  typeText,
} from '../../ir/tensor/types.ts';
import { isInflated } from '../passes/exact/fold-constants.ts';
import { checkShape, type Place, type SourceFile } from './place.ts';

/** Constants are not folded beyond these: elements of one result, and element steps over the whole import. */
const FOLD_ELEMENTS = 2 ** 24;
const FOLD_STEPS = 2 ** 26;
/** Bytes of constants and initial states that are made here rather than read from the file. */
const MAX_MADE_BYTES = 2 ** 28;
const MAX_NAME = 1024;

/** A value under construction. */
export interface Operand {
  readonly value: ValueName;
  readonly type: TensorType;
  /** The elements, when they are known at import. */
  readonly data: TensorData | undefined;
}

/** Element type and quantization of a node's result; its shape is inferred. */
export interface ResultType {
  readonly dtype: DType;
  readonly quant: Quant;
}

/** A checked op application whose results are not named yet. */
export interface Application {
  readonly op: OpName;
  readonly inputs: readonly ValueName[];
  readonly attrs: unknown;
  readonly shapes: readonly (readonly number[])[];
}

export interface NamedResult extends ResultType {
  readonly name: string;
}

/** A name from the file without what would tear a line of text. */
export function printable(name: string): string {
  return name.slice(0, MAX_NAME).replace(/[\s\p{C}]/gu, '_');
}

export class GraphBuilder {
  readonly types = new Map<ValueName, TensorType>();
  readonly constants = new Map<ValueName, Constant>();
  readonly nodes: Node[] = [];
  readonly states: State[] = [];
  readonly #source: SourceFile;
  readonly #suffixes = new Map<string, number>();
  readonly #checked = new Set<TensorData>();
  #foldSteps = FOLD_STEPS;
  #bytes = MAX_MADE_BYTES;

  constructor(source: SourceFile) {
    this.#source = source;
  }

  /** Declares a value; its name is `wanted`, made printable and unique. */
  define(wanted: string, type: TensorType): ValueName {
    const base = printable(wanted);
    let name = base;
    while (this.types.has(name)) {
      const suffix = (this.#suffixes.get(base) ?? 0) + 1;
      this.#suffixes.set(base, suffix);
      name = `${base}_${suffix}`;
    }
    this.types.set(name, type);
    return name;
  }

  constant(wanted: string, type: TensorType, data: TensorData): ValueName {
    const name = this.define(wanted, type);
    this.constants.set(name, { data, encoding: DENSE });
    return name;
  }

  /** Accounts for memory of the size of `type` before it is allocated. Throws ImportError at `place` beyond the limit. */
  charge(type: TensorType, place: Place): void {
    this.#bytes -= byteSize(type);
    if (this.#bytes < 0) {
      const expected = `at most ${MAX_MADE_BYTES} bytes of states and unpacked constants in all`;
      this.#source.refuse(place, expected, `${typeText(type)} more`);
    }
  }

  operand(value: ValueName): Operand {
    return { value, type: this.#type(value), data: this.constants.get(value)?.data };
  }

  #type(value: ValueName): TensorType {
    const type = this.types.get(value);
    if (type === undefined) throw new Error(`no value %${value} in the graph under construction`);
    return type;
  }

  /** Checks attributes and infers the result shapes. Throws ImportError at `place`. */
  apply<K extends OpName>(op: K, inputs: readonly ValueName[], attrs: Attrs<K>, place: Place): Application {
    const record = opRecord(op);
    const parsed = record.attrs.safeParse(attrs);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return this.#source.refuse(place, `attributes of ${op} in range`, `${issue.path.join('.')}: ${issue.message}`);
    }
    const types = inputs.map((value) => this.#type(value));
    // Arity and dtypes first: inference may rely on them, whatever the results turn out to be.
    if (
      !record.signatures.some((s) =>
        matches(
          s,
          types.map((type) => type.dtype),
          s.outputs,
        ),
      )
    ) {
      this.#refuseTypes(record, op, types, place);
    }
    const shapes = this.#guard(place, () =>
      record.infer({ inputs: types, attrs: parsed.data, constant: (i) => this.constants.get(inputs[i])?.data }),
    );
    return { op, inputs, attrs: parsed.data, shapes };
  }

  /** Adds the node, or the constants it comes to. Throws ImportError at `place`. */
  add(application: Application, results: readonly NamedResult[], place: Place): ValueName[] {
    const { op, inputs, attrs, shapes } = application;
    const record = opRecord(op);
    if (results.length !== shapes.length) {
      this.#source.refuse(place, `${shapes.length} results of ${op}`, `${results.length}`);
    }
    const inputTypes = inputs.map((value) => this.#type(value));
    const outputs = results.map(({ dtype, quant }, i): TensorType => {
      checkShape(this.#source, shapes[i], dtype, place);
      return { dtype, quant, shape: shapes[i] };
    });
    const dtypes = (types: readonly TensorType[]) => types.map((type) => type.dtype);
    if (!record.signatures.some((s) => matches(s, dtypes(inputTypes), dtypes(outputs)))) {
      this.#refuseTypes(record, op, [...inputTypes, ...outputs], place);
    }
    const broken = record.check?.({ inputs: inputTypes, outputs, attrs });
    if (broken !== undefined) this.#source.refuse(place, `types that ${op} is defined for`, broken);
    const folded = this.#fold(record, inputs, outputs, attrs, place);
    if (folded !== undefined) {
      return results.map(({ name }, i) => this.constant(name, outputs[i], folded[i]));
    }
    for (const value of inputs) this.#checkRead(this.operand(value), place);
    for (const type of outputs) this.#checkActivation(type, place);
    const names = results.map(({ name }, i) => this.define(name, outputs[i]));
    this.nodes.push({ op, inputs, outputs: names, attrs } as Node);
    return names;
  }

  #checkActivation(type: TensorType, place: Place): void {
    if (type.dtype === 'i64') {
      this.#source.refuse(
        place,
        'int64 only where the values are known at import',
        typeText(type),
        'Use int32 in the model.',
      );
    }
    if (elementCount(type.shape) === 0) this.#source.refuse(place, 'tensors of at least one element', typeText(type));
  }

  /** What folding computes with may be empty or large; what is left for run time may not. */
  #checkRead({ type, data }: Operand, place: Place): void {
    if (elementCount(type.shape) === 0) this.#source.refuse(place, 'operands of at least one element', typeText(type));
    if (!(data instanceof BigInt64Array) || this.#checked.has(data)) return;
    const bound = 2n ** 53n;
    if (!data.every((value) => value > -bound && value < bound)) {
      this.#source.refuse(place, 'int64 constants of at most 54 bits', typeText(type));
    }
    this.#checked.add(data);
  }

  #refuseTypes(record: OpRecord, op: OpName, types: readonly TensorType[], place: Place): never {
    const accepted = record.signatures.map((s) => s.text).join(' | ');
    return this.#source.refuse(place, `element types of ${op}: ${accepted}`, types.map(typeText).join(', '));
  }

  #guard<T>(place: Place, action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof OpError)) throw error;
      return this.#source.refuse(place, 'operands that fit together', error.message);
    }
  }

  /** The results when all inputs are constants and computing them stays within the limits. */
  #fold(
    record: OpRecord,
    inputs: readonly ValueName[],
    outputs: readonly TensorType[],
    attrs: unknown,
    place: Place,
  ): readonly TensorData[] | undefined {
    const operands = inputs.map((value) => this.operand(value));
    if (operands.some(({ data }) => data === undefined)) return undefined;
    const produced = outputs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    const read = operands.map(({ type }) => elementCount(type.shape));
    const { elementwise, movement, alias } = record.traits;
    // An op of any other kind may read every element of its largest operand for each of its results.
    const perResult = elementwise || movement || alias ? 1 : Math.max(1, ...read);
    const steps = produced * perResult + read.reduce((sum, count) => sum + count, 0);
    const bytes = outputs.reduce((sum, type) => sum + byteSize(type), 0);
    const inputTypes = operands.map(({ type }) => type);
    if (isInflated(inputTypes, outputs) || produced > FOLD_ELEMENTS || steps > this.#foldSteps || bytes > this.#bytes)
      return undefined;
    this.#foldSteps -= steps;
    this.#bytes -= bytes;
    const tensors = operands.map(({ type, data }) => ({ type, data: data as TensorData }));
    return this.#guard(place, () => record.evaluate({ inputs: tensors, outputs, attrs }));
  }
}
