/**
 * What a converter sees of one TFLite operator, and how it adds to the graph.
 *
 * A converter reads `inputs`, `outputs` and `options`, and calls `output` once for the node that computes the operator's
 * result, after any `emit` for nodes before it. Shapes are inferred by the op records; dtype and quantization of results
 * come from the file. Nodes whose inputs are all constants are evaluated at once and leave only a constant.
 */
import type { Activation } from '../../../../ir/tensor/fixed-point.ts';
import type { ValueName } from '../../../../ir/tensor/graph.ts';
import type { Attrs, OpName } from '../../../../ir/tensor/ops/index.ts';
import type { TensorData, TensorType } from '../../../../ir/tensor/types.ts';
import type { Operand, ResultType } from '../../builder.ts';
import type { SupportedOperator } from '../opcodes.ts';
import type { FusedActivation, Options, OptionsName } from '../options.ts';

/** An output of the operator as the file declares it. The shape may be stale: trust the inferred one. */
export interface OutputSlot {
  readonly name: string;
  readonly type: TensorType;
}

export interface OutputOptions {
  /** The operator's first output that this node computes; 0 unless stated. */
  readonly index?: number;
  /** The operator's output shape where it is not the op's: a free `reshape` follows. */
  readonly shape?: readonly number[];
  /** What the op's last results become. */
  readonly states?: readonly StateHandle[];
}

/** A tensor that outlives an inference. */
export interface StateHandle {
  readonly current: Operand;
  /** Replaces the value, for later readers of this inference and for the next one. Throws ImportError on another type. */
  assign(next: ValueName): void;
}

/** Branches and named variables; only `convert/control.ts` uses these. */
export interface ControlContext {
  /** Makes output `output` stand for the variable called `name`. */
  declare(output: number, name: string): void;
  /** Makes output 0 the current value of the variable that input `input` stands for. */
  read(input: number): void;
  assign(input: number, value: Operand): void;
  /** Runs a subgraph that assigns constants to variables: their values before the first inference. */
  initialize(subgraph: number): void;
  /** Makes the outputs those of subgraph `chosen`, whose arguments are the inputs from `first` on. */
  inline(chosen: number, first: number): void;
  /** As `inline` for both subgraphs; each output and variable is selected by `condition`, a boolean scalar. */
  select(condition: Operand, chosen: number, otherwise: number, first: number): void;
}

export interface ConvertContext {
  readonly opcode: SupportedOperator;
  /** In the file's order; undefined where an optional input is left out (later ones may be missing altogether). */
  readonly inputs: readonly (Operand | undefined)[];
  /** At least one, except for the operators of `convert/control.ts`. */
  readonly outputs: readonly OutputSlot[];
  /** Tensors the file lists as intermediates (LSTM and SVDF scales); only their types mean something. */
  readonly intermediates: readonly (TensorType | undefined)[];

  /** Input `index`; throws ImportError, naming it as `what`, when it is absent. */
  input(index: number, what: string): Operand;
  /** Elements of constant integer input `index` as numbers; throws ImportError when it is absent or not known at import. */
  constantNumbers(index: number, what: string): number[];
  /** The operator's option table; defaults when the file has none. Throws ImportError when it has another. */
  options<N extends OptionsName>(name: N): Options<N>;
  /** A fused activation as an attribute; TANH and SIGN_BIT are refused. */
  activation(fused: FusedActivation): Activation;
  /** `axis` of a tensor of `rank`, counted from the front; throws ImportError when it is out of range. */
  axis(axis: number, rank: number): number;
  /** The persistent tensor that is input `index` (`is_variable` in the file); it starts at its real zero. */
  state(index: number, what: string): StateHandle;

  readonly control: ControlContext;

  /** Adds a node for values inside the operator; returns their names. */
  emit<K extends OpName>(
    op: K,
    inputs: readonly ValueName[],
    attrs: Attrs<K>,
    results: readonly ResultType[],
  ): ValueName[];
  /** Adds the node that computes the operator's outputs, from `index` on as many as the op has results that are no states. */
  output<K extends OpName>(op: K, inputs: readonly ValueName[], attrs: Attrs<K>, options?: OutputOptions): void;
  /** Makes output `index` another name of `value`, whose type must be the output's. */
  forward(index: number, value: ValueName): void;
  /** Adds a constant. */
  constant(type: TensorType, data: TensorData): ValueName;
  /** The type of a value, and its elements when known. */
  operand(value: ValueName): Operand;

  /** Refuses the operator: `found` is what the file asks for, `expected` what would be accepted. */
  refuse(expected: string, found: string): never;
}

export type Converter = (context: ConvertContext) => void;
export type Converters = Readonly<Partial<Record<SupportedOperator, Converter>>>;
