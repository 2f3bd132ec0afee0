/** Tensors that live from one inference to the next, and their value at the current point of the program. */
import type { State, ValueName } from '../../../ir/tensor/graph.ts';
import { elementCount, newData, type TensorData, type TensorType } from '../../../ir/tensor/types.ts';
import type { GraphBuilder } from '../builder.ts';

interface Variable {
  readonly state: ValueName;
  readonly type: TensorType;
  readonly initial: TensorData;
}

/** What each assigned variable is now; the others still are what they were when the inference began. */
export type Assignments = ReadonlyMap<string, ValueName>;

export class Variables {
  readonly #builder: GraphBuilder;
  readonly #variables = new Map<string, Variable>();
  #assigned = new Map<string, ValueName>();

  constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  keys(): ReadonlySet<string> {
    return new Set(this.#variables.keys());
  }

  has(key: string): boolean {
    return this.#variables.has(key);
  }

  typeOf(key: string): TensorType | undefined {
    return this.#variables.get(key)?.type;
  }

  /** Declares a variable that starts at zero: 0, or the zero point of 8-bit tensors. */
  declare(key: string, name: string, type: TensorType): void {
    const state = this.#builder.define(name, type);
    this.#variables.set(key, { state, type, initial: zeros(type) });
  }

  /** Sets what the variable is before the first inference. */
  initialize(key: string, initial: TensorData): void {
    const variable = this.#variables.get(key);
    if (variable === undefined) throw new Error(`variable ${key} is not declared`);
    this.#variables.set(key, { ...variable, initial });
  }

  current(key: string): ValueName {
    const value = this.#assigned.get(key) ?? this.#variables.get(key)?.state;
    if (value === undefined) throw new Error(`variable ${key} is not declared`);
    return value;
  }

  assign(key: string, value: ValueName): void {
    this.#assigned.set(key, value);
  }

  /** Runs `action`; returns all variables' assignments after it, and takes back those it made. */
  during(action: () => void): Assignments {
    const before = this.#assigned;
    this.#assigned = new Map(before);
    action();
    const after = this.#assigned;
    this.#assigned = before;
    return after;
  }

  states(): State[] {
    return [...this.#variables].map(([key, { state, initial }]) => ({ name: state, initial, next: this.current(key) }));
  }
}

/** Interpreters clear 8-bit variables to their zero point, and all others to zero bytes. */
function zeros(type: TensorType): TensorData {
  const data = newData(type.dtype, elementCount(type.shape));
  const isByte = data instanceof Int8Array || data instanceof Uint8Array;
  return isByte && type.quant.kind === 'affine' ? data.fill(type.quant.zeroPoint[0]) : data;
}
