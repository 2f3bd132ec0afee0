/** Where in a file something stands, how messages spell it, and the limits that every importer holds tensors to. */
import { DTYPE_FACTS, type DType, elementCount } from '../../ir/tensor/types.ts';
import { ImportError } from './error.ts';

/** A place in the file's structure, innermost first; spelled out only for errors. */
export interface Place {
  readonly parent: Place | undefined;
  readonly name: string;
}

export function within(parent: Place | undefined, name: string): Place {
  return { parent, name };
}

/** The file itself: named in places only when there is nothing further to name. */
export const ROOT: Place = { parent: undefined, name: 'model' };

/** `subgraph 0, operator 3, field inputs` */
export function placeText({ parent, name }: Place): string {
  return parent === undefined || parent === ROOT ? name : `${placeText(parent)}, ${name}`;
}

/** Characters of a name that messages show. */
const MAX_SHOWN = 48;

/** A name from the file in quotes, cut when it is long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}...` : name);
}

/** An opened file that importers refuse parts of. */
export abstract class SourceFile {
  /** As the user named it. */
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** Throws ImportError. */
  refuse(place: Place, expected: string, found: string, advice?: string): never {
    throw new ImportError({
      file: this.file,
      place: placeText(place),
      expected,
      found,
      ...(advice === undefined ? {} : { advice }),
    });
  }
}

/** Limits of one tensor. */
export const MAX_TENSOR_BYTES = 2 ** 28;
export const MAX_RANK = 8;

/** Checks rank, extents and size, which files and inferred shapes are both held to. */
export function checkShape(source: SourceFile, shape: readonly number[], dtype: DType, place: Place): void {
  if (shape.length > MAX_RANK) source.refuse(place, `at most ${MAX_RANK} dimensions`, `shape [${shape.join(', ')}]`);
  if (shape.some((extent) => !Number.isInteger(extent) || extent < 0)) {
    source.refuse(place, 'extents of 0 or more', `shape [${shape.join(', ')}]`);
  }
  // Elements of under a byte take one each while they are evaluated.
  const bytes = elementCount(shape) * Math.max(DTYPE_FACTS[dtype].bits / 8, 1);
  if (!(bytes <= MAX_TENSOR_BYTES)) {
    source.refuse(place, `tensors of at most ${MAX_TENSOR_BYTES} bytes`, `${dtype} of shape [${shape.join(', ')}]`);
  }
}
