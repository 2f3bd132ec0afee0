/** What names of an ONNX graph stand for while it is read. */
import type { Operand } from '../builder.ts';
import type { Element } from './elements.ts';

/** A tensor under construction, with the element type that the file gives it. */
export interface Value extends Operand {
  readonly element: Element;
}

/** A list of tensors, known as such when the file is read. */
export interface Sequence {
  readonly items: readonly Value[];
}

/** A name's meaning; `undefined` is an optional that holds nothing. */
export type Bound = Value | Sequence | undefined;

export function isSequence(bound: Bound): bound is Sequence {
  return bound !== undefined && 'items' in bound;
}

/** Names of one graph, above those of the graphs around it. */
export class Scope {
  readonly #names = new Map<string, Bound>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  define(name: string, bound: Bound): void {
    this.#names.set(name, bound);
  }

  defines(name: string): boolean {
    return this.#names.has(name);
  }

  has(name: string): boolean {
    return this.#names.has(name) || (this.#outer?.has(name) ?? false);
  }

  get(name: string): Bound {
    return this.#names.has(name) ? this.#names.get(name) : this.#outer?.get(name);
  }
}
