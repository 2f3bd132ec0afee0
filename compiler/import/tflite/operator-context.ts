/** The converter's view of one operator. */
import { ACTIVATIONS, type Activation } from '../../../ir/tensor/fixed-point.ts';
import type { ValueName } from '../../../ir/tensor/graph.ts';
import type { Attrs, OpName } from '../../../ir/tensor/ops/index.ts';
import { sameShape, sameType, type TensorData, type TensorType, typeText } from '../../../ir/tensor/types.ts';
import type { Operand, ResultType } from '../builder.ts';
import type { Place } from '../place.ts';
import { checkShape } from '../place.ts';
import { BranchContext } from './branch-context.ts';
import type { ControlContext, ConvertContext, OutputOptions, OutputSlot, StateHandle } from './convert/context.ts';
import type { Frame, Importer } from './importer.ts';
import type { SupportedOperator } from './opcodes.ts';
import type { FusedActivation, Options, OptionsName } from './options.ts';
import type { OperatorRecord } from './schema.ts';

/** Index of an input that is left out. */
const ABSENT = -1;

export class OperatorContext implements ConvertContext {
  readonly opcode: SupportedOperator;
  readonly inputs: readonly (Operand | undefined)[];
  readonly control: ControlContext;
  readonly #importer: Importer;
  readonly #frame: Frame;
  readonly #operator: OperatorRecord;
  readonly #place: Place;

  constructor(importer: Importer, frame: Frame, operator: OperatorRecord, opcode: SupportedOperator, place: Place) {
    this.#importer = importer;
    this.#frame = frame;
    this.#operator = operator;
    this.#place = place;
    this.opcode = opcode;
    this.inputs = operator.inputs.map((tensor) =>
      tensor === ABSENT ? undefined : importer.operand(frame, tensor, place),
    );
    this.control = new BranchContext(importer, frame, operator, place);
  }

  get outputs(): readonly OutputSlot[] {
    return this.#operator.outputs.map((tensor) => ({
      name: this.#importer.tensorName(this.#frame, tensor, this.#place),
      type: this.#importer.declaredType(this.#frame, tensor, this.#place),
    }));
  }

  get intermediates(): readonly (TensorType | undefined)[] {
    return this.#operator.intermediates.map((tensor) =>
      tensor === ABSENT ? undefined : this.#importer.declaredType(this.#frame, tensor, this.#place),
    );
  }

  input(index: number, what: string): Operand {
    return this.inputs[index] ?? this.refuse(`${what} as input ${index}`, 'none');
  }

  constantNumbers(index: number, what: string): number[] {
    const { data, type } = this.input(index, what);
    if (data === undefined)
      return this.refuse(`${what} (input ${index}) to be known at import`, 'a value computed at run time');
    if (type.dtype === 'f32' || type.dtype === 'f16')
      return this.refuse(`integers as ${what} (input ${index})`, type.dtype);
    return Array.from<number | bigint, number>(data, Number);
  }

  options<N extends OptionsName>(name: N): Options<N> {
    return this.#importer.model.options(this.#operator, name, this.#place);
  }

  activation(fused: FusedActivation): Activation {
    const activation = ACTIVATIONS.find((name) => name === fused.toLowerCase());
    return activation ?? this.refuse('a fused activation NONE, RELU, RELU6 or RELU_N1_TO_1', fused);
  }

  axis(axis: number, rank: number): number {
    if (!(axis >= -rank && axis < rank)) this.refuse(`an axis from ${-rank} to ${rank - 1}`, `${axis}`);
    return axis < 0 ? axis + rank : axis;
  }

  state(index: number, what: string): StateHandle {
    const tensor = this.#operator.inputs[index];
    if (tensor === undefined || tensor === ABSENT) return this.refuse(`${what} as input ${index}`, 'none');
    if (!this.#importer.tensor(this.#frame, tensor, this.#place).is_variable) {
      this.refuse(`a variable tensor as ${what} (input ${index})`, `tensor ${tensor}, which is not one`);
    }
    const key = this.#importer.variableTensor(this.#frame, tensor, this.#place);
    const { variables, builder } = this.#importer;
    const { type } = builder.operand(variables.current(key));
    const assign = (next: ValueName): void => {
      const value = this.#importer.fitted(this.#frame, tensor, next, this.#place);
      const found = builder.operand(value).type;
      if (!sameType(found, type)) this.refuse(`${what} to stay of type ${typeText(type)}`, typeText(found));
      variables.assign(key, value);
    };
    return { current: builder.operand(variables.current(key)), assign };
  }

  emit<K extends OpName>(
    op: K,
    inputs: readonly ValueName[],
    attrs: Attrs<K>,
    results: readonly ResultType[],
  ): ValueName[] {
    const application = this.#importer.builder.apply(op, inputs, attrs, this.#place);
    const name = this.#inner(0, op);
    const named = results.map(({ dtype, quant }) => ({ name, dtype, quant }));
    return this.#importer.builder.add(application, named, this.#place);
  }

  /** Name of a value that leads to output `index`. */
  #inner(index: number, op: string): string {
    const tensor = this.#operator.outputs[index];
    return tensor === undefined ? op : `${this.#importer.tensorName(this.#frame, tensor, this.#place)}_${op}`;
  }

  output<K extends OpName>(op: K, inputs: readonly ValueName[], attrs: Attrs<K>, options: OutputOptions = {}): void {
    const { builder } = this.#importer;
    const first = options.index ?? 0;
    const states = options.states ?? [];
    const application = builder.apply(op, inputs, attrs, this.#place);
    const count = application.shapes.length - states.length;
    const targets = application.shapes.slice(0, count).map((inferred, i) => {
      const tensor = this.#outputTensor(first + i);
      const shape = this.#importer.settledShape(this.#frame, tensor, options.shape ?? inferred, this.#place);
      const { dtype, quant } = this.#importer.declaredType(this.#frame, tensor, this.#place);
      const direct = sameShape(shape, inferred);
      const own = this.#importer.tensorName(this.#frame, tensor, this.#place);
      return { tensor, shape, direct, own, result: { name: direct ? own : this.#inner(first + i, op), dtype, quant } };
    });
    const values = builder.add(
      application,
      [
        ...targets.map((target) => target.result),
        ...states.map(({ current: { value, type } }) => ({ name: `${value}_next`, ...type })),
      ],
      this.#place,
    );
    states.forEach((state, i) => {
      state.assign(values[count + i]);
    });
    targets.forEach(({ tensor, shape, direct, own }, i) => {
      const value = direct ? values[i] : this.#importer.reshape(values[i], shape, own, this.#place);
      this.#importer.define(this.#frame, tensor, { value }, this.#place);
    });
  }

  #outputTensor(index: number): number {
    const { outputs } = this.#operator;
    return outputs[index] ?? this.refuse(`at least ${index + 1} outputs`, `${outputs.length}`);
  }

  forward(index: number, value: ValueName): void {
    const tensor = this.#outputTensor(index);
    const fitted = this.#importer.fitted(this.#frame, tensor, value, this.#place);
    this.#importer.define(this.#frame, tensor, { value: fitted }, this.#place);
  }

  constant(type: TensorType, data: TensorData): ValueName {
    checkShape(this.#importer.model, type.shape, type.dtype, this.#place);
    this.#importer.builder.charge(type, this.#place);
    return this.#importer.builder.constant(this.#inner(0, 'constant'), type, data);
  }

  operand(value: ValueName): Operand {
    return this.#importer.builder.operand(value);
  }

  refuse(expected: string, found: string): never {
    return this.#importer.model.refuse(this.#place, expected, found);
  }
}
