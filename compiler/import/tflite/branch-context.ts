/** Calls of subgraphs, and variables that are named rather than wired. */
import { elementCount, type TensorType, typeText } from '../../../ir/tensor/types.ts';
import type { Operand } from '../builder.ts';
import { checkShape, type Place, quoted, within } from '../place.ts';
import type { ControlContext } from './convert/context.ts';
import type { Binding, Frame, Importer } from './importer.ts';
import type { OperatorRecord } from './schema.ts';

/** Sets the keys of named variables apart from those of variable tensors. */
const RESOURCE = 'resource ';

export class BranchContext implements ControlContext {
  readonly #importer: Importer;
  readonly #frame: Frame;
  readonly #operator: OperatorRecord;
  readonly #place: Place;

  constructor(importer: Importer, frame: Frame, operator: OperatorRecord, place: Place) {
    this.#importer = importer;
    this.#frame = frame;
    this.#operator = operator;
    this.#place = place;
  }

  #refuse(expected: string, found: string): never {
    return this.#importer.model.refuse(this.#place, expected, found);
  }

  #outputTensor(index: number): number {
    return this.#operator.outputs[index] ?? this.#refuse(`${index + 1} outputs`, `${this.#operator.outputs.length}`);
  }

  declare(output: number, name: string): void {
    const variable = `${RESOURCE}${name === '' ? 'variable' : name}`;
    this.#importer.define(this.#frame, this.#outputTensor(output), { variable }, this.#place);
  }

  #variable(input: number): string {
    const binding = this.#importer.binding(this.#frame, this.#operator.inputs[input] ?? -1, this.#place);
    return 'variable' in binding ? binding.variable : this.#refuse(`a variable's handle as input ${input}`, 'a value');
  }

  #declare(name: string, type: TensorType): void {
    checkShape(this.#importer.model, type.shape, type.dtype, this.#place);
    if (type.dtype === 'i64' || elementCount(type.shape) === 0) {
      this.#refuse('variables of at least one element, not of 64 bits', typeText(type));
    }
    this.#importer.builder.charge(type, this.#place);
    this.#importer.variables.declare(name, name.slice(RESOURCE.length), type);
  }

  read(input: number): void {
    const { variables } = this.#importer;
    const name = this.#variable(input);
    const tensor = this.#outputTensor(0);
    if (!variables.has(name)) this.#declare(name, this.#importer.declaredType(this.#frame, tensor, this.#place));
    this.#bind(tensor, { value: variables.current(name) });
  }

  assign(input: number, value: Operand): void {
    const { variables } = this.#importer;
    const name = this.#variable(input);
    if (!variables.has(name)) this.#declare(name, value.type);
    const type = variables.typeOf(name) ?? value.type;
    if (typeText(type) !== typeText(value.type)) {
      this.#refuse(`a value of type ${typeText(type)} for variable ${quoted(name)}`, typeText(value.type));
    }
    variables.assign(name, value.value);
  }

  initialize(subgraph: number): void {
    const { variables, builder } = this.#importer;
    if (this.#frame.caller !== undefined)
      this.#refuse('CALL_ONCE in the main subgraph', `subgraph ${this.#frame.index}`);
    const frame = this.#importer.frame(subgraph, this.#frame, this.#place);
    const before = variables.keys();
    for (const [name, value] of variables.during(() => this.#importer.run(frame))) {
      if (before.has(name)) {
        if (variables.current(name) === value) continue;
        this.#refuse('variables initialized before they are used', quoted(name));
      }
      const { data } = builder.operand(value);
      if (data === undefined) this.#refuse('variables initialized with constants', `a computed ${quoted(name)}`);
      variables.initialize(name, data);
    }
  }

  inline(chosen: number, first: number): void {
    const frame = this.#call(chosen, first);
    this.#importer.run(frame);
    this.#results(frame).forEach((binding, i) => {
      this.#bind(this.#outputTensor(i), binding);
    });
  }

  select(condition: Operand, chosen: number, otherwise: number, first: number): void {
    const { variables } = this.#importer;
    const frames = [this.#call(chosen, first), this.#call(otherwise, first)];
    const [after, instead] = frames.map((frame) => variables.during(() => this.#importer.run(frame)));
    const scalar =
      condition.type.shape.length === 0
        ? condition.value
        : this.#importer.reshape(condition.value, [], `${condition.value}_scalar`, this.#place);
    const [results, others] = frames.map((frame) => this.#results(frame));
    results.forEach((binding, i) => {
      const value = this.#selected(scalar, this.#value(binding), this.#value(others[i]), `${i}`);
      this.#bind(this.#outputTensor(i), { value });
    });
    for (const name of new Set([...after.keys(), ...instead.keys()])) {
      const value = after.get(name) ?? variables.current(name);
      const other = instead.get(name) ?? variables.current(name);
      variables.assign(name, this.#selected(scalar, value, other, name));
    }
  }

  #value(binding: Binding): string {
    return 'value' in binding ? binding.value : this.#refuse('branches that return tensors', 'a variable');
  }

  /** `condition ? value : other`, both of one type. */
  #selected(condition: string, value: string, other: string, what: string): string {
    if (value === other) return value;
    const { builder } = this.#importer;
    const [type, otherType] = [value, other].map((name) => builder.operand(name).type);
    if (typeText(type) !== typeText(otherType)) {
      this.#refuse(`branches that agree on the type of result ${what}`, `${typeText(type)} and ${typeText(otherType)}`);
    }
    const application = builder.apply('select', [condition, value, other], {}, this.#place);
    return builder.add(application, [{ ...type, name: `${value}_select` }], this.#place)[0];
  }

  /** A frame of subgraph `index` with the operator's inputs from `first` on as its arguments. */
  #call(index: number, first: number): Frame {
    const frame = this.#importer.frame(index, this.#frame, this.#place);
    const given = this.#operator.inputs.slice(first);
    const { inputs, outputs } = frame.subgraph;
    if (inputs.length !== given.length || outputs.length !== this.#operator.outputs.length) {
      this.#refuse(
        `subgraph ${index} to take ${given.length} tensors and return ${this.#operator.outputs.length}`,
        `${inputs.length} and ${outputs.length}`,
      );
    }
    inputs.forEach((tensor, i) => {
      const binding = this.#importer.binding(this.#frame, given[i], this.#place);
      const at = within(this.#place, `argument ${i}`);
      const passed = 'value' in binding ? { value: this.#importer.fitted(frame, tensor, binding.value, at) } : binding;
      this.#importer.define(frame, tensor, passed, at);
    });
    return frame;
  }

  #results(frame: Frame): Binding[] {
    return frame.subgraph.outputs.map((tensor) => this.#importer.binding(frame, tensor, frame.place));
  }

  #bind(tensor: number, binding: Binding): void {
    const bound =
      'value' in binding ? { value: this.#importer.fitted(this.#frame, tensor, binding.value, this.#place) } : binding;
    this.#importer.define(this.#frame, tensor, bound, this.#place);
  }
}
