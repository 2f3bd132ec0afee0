/** Runs over the operators of a subgraph, and of those it calls, and binds each tensor to a value of the graph. */
import type { ValueName } from '../../../ir/tensor/graph.ts';
import { elementCount, sameQuant, sameShape, type TensorType, typeText } from '../../../ir/tensor/types.ts';
import type { Operand } from '../builder.ts';
import { GraphBuilder } from '../builder.ts';
import type { SourceOperator } from '../imported-model.ts';
import { checkShape, type Place, quoted, ROOT, within } from '../place.ts';
import { CONVERTERS } from './convert/index.ts';
import type { ModelFile } from './model-file.ts';
import { SUPPORTED_OPERATORS, type SupportedOperator } from './opcodes.ts';
import { OperatorContext } from './operator-context.ts';
import { LIMITS, type OperatorRecord, type SubgraphRecord, type TensorRecord } from './schema.ts';
import { Constants, tensorType } from './tensors.ts';
import { unsupported } from './unsupported.ts';
import { Variables } from './variables.ts';

/** How deep subgraphs may call each other. */
const MAX_DEPTH = 32;
/** Operands of all operators and scales of their quantization, counted at every call: each costs a little time. */
const MAX_WORK = 2 ** 22;

const WITHOUT_OUTPUTS: readonly string[] = ['ASSIGN_VARIABLE', 'CALL_ONCE'] satisfies readonly SupportedOperator[];

function isSupported(opcode: string): opcode is SupportedOperator {
  return SUPPORTED_OPERATORS.some((name) => name === opcode);
}

/** What a tensor stands for: a value, or (for tensors of type RESOURCE) a variable. */
export type Binding = { readonly value: ValueName } | { readonly variable: string };

/** One run of a subgraph. */
export interface Frame {
  readonly index: number;
  readonly subgraph: SubgraphRecord;
  readonly place: Place;
  /** Tells the frames of one subgraph apart: each has variable tensors of its own. */
  readonly id: number;
  readonly caller: Frame | undefined;
  readonly bindings: Map<number, Binding>;
  /** Arguments, and results of the operators so far. */
  readonly written: Set<number>;
}

export class Importer {
  readonly model: ModelFile;
  readonly builder: GraphBuilder;
  readonly variables: Variables;
  readonly layers: SourceOperator[] = [];
  /** Whether the inputs have another batch than the file's shapes, which then say nothing. */
  rebatched = false;
  readonly #constants: Constants;
  #frames = 0;
  #operators = 0;
  #work = 0;
  readonly #types = new Map<TensorRecord, TensorType>();

  constructor(model: ModelFile) {
    this.model = model;
    this.builder = new GraphBuilder(model);
    this.variables = new Variables(this.builder);
    this.#constants = new Constants(model);
  }

  /** A frame for subgraph `index`. Throws ImportError when there is none or it is running already. */
  frame(index: number, caller: Frame | undefined, place: Place): Frame {
    const subgraph = this.model.model.subgraphs[index];
    if (subgraph === undefined) {
      return this.model.refuse(place, `one of ${this.model.model.subgraphs.length} subgraphs`, `${index}`);
    }
    let depth = 0;
    for (let outer = caller; outer !== undefined; outer = outer.caller) {
      if (++depth > MAX_DEPTH) this.model.refuse(place, `subgraphs called at most ${MAX_DEPTH} deep`, 'more');
      if (outer.index === index) this.model.refuse(place, 'subgraphs that do not call themselves', `subgraph ${index}`);
    }
    const own = within(ROOT, `subgraph ${index}`);
    return { index, subgraph, place: own, id: this.#frames++, caller, bindings: new Map(), written: new Set() };
  }

  run(frame: Frame): void {
    frame.subgraph.operators.forEach((operator, index) => {
      this.#convert(frame, operator, index);
    });
  }

  #convert(frame: Frame, operator: OperatorRecord, index: number): void {
    this.#account(frame, operator);
    const opcode = this.model.operatorName(operator, within(frame.place, `operator ${index}`));
    const tensors = this.#tensorNames(frame, operator);
    const place = within(frame.place, `operator ${index} ${opcode} (${tensors})`);
    if (!isSupported(opcode)) {
      const { expected, advice } = unsupported(opcode);
      this.model.refuse(place, expected, opcode, advice);
    }
    if (operator.outputs.length === 0 && !WITHOUT_OUTPUTS.includes(opcode)) {
      this.model.refuse(place, 'at least 1 output', '0');
    }
    const again = operator.outputs.find((tensor) => frame.written.has(tensor));
    if (again !== undefined) this.model.refuse(place, 'tensors written once', `tensor ${again} again`);
    CONVERTERS[opcode](new OperatorContext(this, frame, operator, opcode, place));
    const missing = operator.outputs.find((tensor) => !frame.written.has(tensor));
    if (missing !== undefined) this.model.refuse(place, `the outputs of ${opcode}`, `tensor ${missing} besides`);
    if (frame.caller === undefined && frame.index === 0) {
      const outputs = operator.outputs.flatMap((tensor) => {
        const binding = frame.bindings.get(tensor);
        if (binding === undefined || !('value' in binding)) return [];
        return elementCount(this.builder.operand(binding.value).type.shape) === 0 ? [] : [binding.value];
      });
      this.layers.push({ index, opcode, outputs });
    }
  }

  /** Calls multiply what a file of any size asks for, so all of it is counted. */
  #account(frame: Frame, operator: OperatorRecord): void {
    const operands = [...operator.inputs, ...operator.outputs];
    const scales = operands.map((tensor) => frame.subgraph.tensors[tensor]?.quantization?.scale.length ?? 0);
    this.#operators++;
    this.#work += scales.reduce((sum, count) => sum + count, operands.length);
    if (this.#operators > LIMITS.operators || this.#work > MAX_WORK) {
      const expected = `at most ${LIMITS.operators} operators with ${MAX_WORK} operands and scales, counted once per call`;
      this.model.refuse(frame.place, expected, 'more');
    }
  }

  /** `x, w -> y`, by the names in the file; long lists are cut. */
  #tensorNames(frame: Frame, operator: OperatorRecord): string {
    const names = (indices: readonly number[]) => {
      const shown = indices.slice(0, 4).map((tensor) => {
        const name = frame.subgraph.tensors[tensor]?.name;
        return name === undefined || name === '' ? `tensor ${tensor}` : quoted(name);
      });
      return [...shown, ...(indices.length > 4 ? ['...'] : [])].join(', ');
    };
    return `${names(operator.inputs)} -> ${names(operator.outputs)}`;
  }

  /** The record of a tensor. Throws ImportError at `place` when the subgraph has no such tensor. */
  tensor(frame: Frame, index: number, place: Place): TensorRecord {
    const { tensors } = frame.subgraph;
    return tensors[index] ?? this.model.refuse(place, `one of ${tensors.length} tensors`, `tensor ${index}`);
  }

  tensorName(frame: Frame, index: number, place: Place): string {
    const { name } = this.tensor(frame, index, place);
    return name === '' ? `tensor_${index}` : name;
  }

  /** The tensor's type as the file states it. */
  declaredType(frame: Frame, index: number, place: Place): TensorType {
    const tensor = this.tensor(frame, index, place);
    const known = this.#types.get(tensor);
    if (known !== undefined) return known;
    const at = within(place, `tensor ${index} ${quoted(tensor.name)}`);
    const type = tensorType(this.model, tensor, tensor.shape, at);
    this.#types.set(tensor, type);
    return type;
  }

  /** What the tensor stands for; constants and variable tensors come into being here. */
  binding(frame: Frame, index: number, place: Place): Binding {
    const known = frame.bindings.get(index);
    if (known !== undefined) return known;
    const tensor = this.tensor(frame, index, place);
    if (tensor.is_variable) return { value: this.variables.current(this.variableTensor(frame, index, place)) };
    const at = within(place, `tensor ${index} ${quoted(tensor.name)}`);
    const type = this.declaredType(frame, index, place);
    checkShape(this.model, type.shape, type.dtype, at);
    const data =
      this.#constants.read(tensor, type, at) ?? (elementCount(type.shape) === 0 ? new Uint8Array(0) : undefined);
    if (data === undefined) return this.model.refuse(at, 'a constant, or a tensor computed before', 'neither');
    const binding = { value: this.builder.constant(this.tensorName(frame, index, place), type, data) };
    frame.bindings.set(index, binding);
    return binding;
  }

  /** The key of a tensor with `is_variable`, declared on first use. */
  variableTensor(frame: Frame, index: number, place: Place): string {
    const key = `tensor ${frame.id} ${index}`;
    if (!this.variables.has(key)) {
      const type = this.declaredType(frame, index, place);
      checkShape(this.model, type.shape, type.dtype, place);
      if (elementCount(type.shape) === 0)
        this.model.refuse(place, 'a variable of at least one element', typeText(type));
      this.builder.charge(type, place);
      this.variables.declare(key, this.tensorName(frame, index, place), type);
    }
    return key;
  }

  operand(frame: Frame, index: number, place: Place): Operand | undefined {
    const binding = this.binding(frame, index, place);
    return 'value' in binding ? this.builder.operand(binding.value) : undefined;
  }

  /** Binds a tensor that nothing has defined yet. */
  define(frame: Frame, index: number, binding: Binding, place: Place): void {
    this.tensor(frame, index, place);
    if (frame.written.has(index)) this.model.refuse(place, 'tensors written once', `tensor ${index} again`);
    frame.written.add(index);
    frame.bindings.set(index, binding);
  }

  /**
   * The shape tensor `index` gets when its value has `shape`. The file's shape wins when it holds as many elements; a
   * shape the file leaves open, or that was made for another batch, does not count. Throws ImportError for any other.
   */
  settledShape(frame: Frame, index: number, shape: readonly number[], place: Place): readonly number[] {
    const tensor = this.tensor(frame, index, place);
    const open = tensor.shape_signature.includes(-1) || (tensor.shape.length === 0 && !tensor.has_rank);
    if (sameShape(tensor.shape, shape) || this.rebatched) return shape;
    if (elementCount(tensor.shape) === elementCount(shape) && tensor.shape.every((extent) => extent >= 0))
      return tensor.shape;
    if (open) return shape;
    const declared = `shape [${shape.join(', ')}] of tensor ${index} ${quoted(tensor.name)}`;
    return this.model.refuse(
      place,
      `${declared}, which follows from the inputs`,
      `[${tensor.shape.join(', ')}] in the file`,
    );
  }

  /** `value` in the shape of tensor `index`, whose type it must have otherwise. */
  fitted(frame: Frame, index: number, value: ValueName, place: Place): ValueName {
    const { type } = this.builder.operand(value);
    const declared = this.declaredType(frame, index, place);
    if (type.dtype !== declared.dtype || !sameQuant(type.quant, declared.quant)) {
      this.model.refuse(place, `a value of type ${typeText(declared)}`, typeText(type));
    }
    const shape = this.settledShape(frame, index, type.shape, place);
    if (sameShape(shape, type.shape)) return value;
    return this.reshape(value, shape, this.tensorName(frame, index, place), place);
  }

  reshape(value: ValueName, shape: readonly number[], name: string, place: Place): ValueName {
    const { dtype, quant } = this.builder.operand(value).type;
    const application = this.builder.apply('reshape', [value], { shape: [...shape] }, place);
    return this.builder.add(application, [{ name, dtype, quant }], place)[0];
  }
}
