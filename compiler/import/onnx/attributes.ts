/**
 * Attributes of one node, read by name and kind. What a converter does not read stands in the file for something that the
 * graph would lack, so `expectAllRead` refuses it.
 */
import { type Place, type SourceFile, within } from '../place.ts';
import type { ExternalFiles } from './external.ts';
import type { AttributeProto, GraphProto } from './schema.ts';
import { type Literal, readSparseTensor, readTensor } from './tensors.ts';

/** AttributeProto.AttributeType. */
const TYPES = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  sparse: 11,
  type: 13,
};
type Kind = keyof typeof TYPES;

export class Attributes {
  readonly #source: SourceFile;
  readonly #external: ExternalFiles;
  readonly #place: Place;
  readonly #byName: ReadonlyMap<string, AttributeProto>;
  readonly #read = new Set<string>();

  constructor(source: SourceFile, external: ExternalFiles, place: Place, attributes: readonly AttributeProto[]) {
    this.#source = source;
    this.#external = external;
    this.#place = place;
    this.#byName = new Map(attributes.map((attribute) => [attribute.name, attribute]));
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  int(name: string, otherwise: number): number {
    return this.#find(name, 'int')?.i ?? otherwise;
  }

  flag(name: string, otherwise: boolean): boolean {
    return this.int(name, otherwise ? 1 : 0) !== 0;
  }

  float(name: string, otherwise: number): number {
    return this.#find(name, 'float')?.f ?? otherwise;
  }

  ints(name: string): number[] | undefined {
    const found = this.#find(name, 'ints');
    return found === undefined ? undefined : [...found.ints];
  }

  floats(name: string): number[] | undefined {
    const found = this.#find(name, 'floats');
    return found === undefined ? undefined : [...found.floats];
  }

  text(name: string, otherwise: string): string {
    const found = this.#find(name, 'string');
    return found?.s === undefined ? otherwise : new TextDecoder().decode(found.s);
  }

  /** A text that must be one of `known`. */
  choice<T extends string>(name: string, known: readonly T[], otherwise: T): T {
    const found = this.text(name, otherwise);
    const match = known.find((candidate) => candidate === found);
    if (match !== undefined) return match;
    return this.#source.refuse(within(this.#place, name), `one of ${known.join(', ')}`, JSON.stringify(found));
  }

  texts(name: string): string[] | undefined {
    return this.#find(name, 'strings')?.strings.map((bytes) => new TextDecoder().decode(bytes));
  }

  tensor(name: string): Literal | undefined {
    const tensor = this.#find(name, 'tensor')?.t;
    return tensor && readTensor(this.#source, tensor, this.#external, within(this.#place, name));
  }

  sparse(name: string): Literal | undefined {
    const tensor = this.#find(name, 'sparse')?.sparse_tensor;
    return tensor && readSparseTensor(this.#source, tensor, this.#external, within(this.#place, name));
  }

  /** Throws ImportError when it is absent. */
  graph(name: string): GraphProto {
    return this.#find(name, 'graph')?.g ?? this.#source.refuse(within(this.#place, name), 'a graph', 'none');
  }

  /** Marks attributes that mean nothing here. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name);
  }

  expectAllRead(operator: string): void {
    const unread = [...this.#byName.keys()].find((name) => !this.#read.has(name));
    if (unread !== undefined) {
      this.#source.refuse(this.#place, `attributes that mcc knows of ${operator}`, JSON.stringify(unread));
    }
  }

  #find(name: string, kind: Kind): AttributeProto | undefined {
    this.#read.add(name);
    const found = this.#byName.get(name);
    // Files of IR version 1 leave the type out.
    if (found !== undefined && found.type !== 0 && found.type !== TYPES[kind]) {
      this.#source.refuse(within(this.#place, name), `an attribute of kind ${kind}`, `kind ${found.type}`);
    }
    return found;
  }
}
