/** Inputs from files: raw little-endian `.bin` or `.npy`. */
import { existsSync } from 'node:fs';
import { type Graph, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { byteSize, type DType, sameShape, type TensorType, typeText } from '../../ir/tensor/types.ts';
import { readNpy } from './npy.ts';
import { Failure, readUserFile, UsageError } from './output.ts';

type TensorNames = ReadonlyMap<ValueName, string>;

/** `in.bin` or `name=file.npy`, as `--input` takes it. */
interface InputFlag {
  readonly name: string | undefined;
  readonly path: string;
}

function parseFlag(graph: Graph, tensorNames: TensorNames, text: string): InputFlag {
  const own = graph.inputs.find((input) => text.startsWith(`${input}=`));
  if (own !== undefined) return { name: own, path: text.slice(own.length + 1) };
  const called = graph.inputs.filter((input) => text.startsWith(`${tensorNames.get(input)}=`));
  const [name] = called;
  if (name !== undefined && called.length === 1) {
    return { name, path: text.slice((tensorNames.get(name) as string).length + 1) };
  }
  const at = text.indexOf('=');
  // A path may have a '=' of its own.
  if (at < 0 || existsSync(text)) return { name: undefined, path: text };
  throw new UsageError(`--input ${text}: the model has no input "${text.slice(0, at)}"; it has ${inputList(graph)}`);
}

function inputList(graph: Graph): string {
  return graph.inputs.map((name) => `"${name}" (${typeText(typeOfValue(graph, name))})`).join(', ');
}

/**
 * One byte array per input of the model, in its order. Unnamed flags fill the inputs that no flag names; `tensorNames` are
 * further names that flags may use.
 */
export function readInputs(graph: Graph, flags: readonly string[], tensorNames: TensorNames): Uint8Array[] {
  const parsed = flags.map((flag) => parseFlag(graph, tensorNames, flag));
  const named = new Map<ValueName, string>();
  for (const { name, path } of parsed) {
    if (name === undefined) continue;
    if (named.has(name)) throw new UsageError(`--input ${name}=...: given twice`);
    named.set(name, path);
  }
  const unnamed = parsed.filter(({ name }) => name === undefined).map(({ path }) => path);
  const free = graph.inputs.filter((name) => !named.has(name));
  if (unnamed.length !== free.length) {
    throw new UsageError(
      `--input: expected one file for each of the model's inputs (${inputList(graph) || 'it has none'}), found ${flags.length}`,
    );
  }
  free.forEach((name, i) => {
    named.set(name, unnamed[i] as string);
  });
  return graph.inputs.map((name) => readInput(name, typeOfValue(graph, name), named.get(name) as string));
}

function readInput(name: ValueName, type: TensorType, path: string): Uint8Array {
  const file = readUserFile(path, `input "${name}" from`);
  const bytes = path.toLowerCase().endsWith('.npy') ? fromNpy(name, type, path, file) : file;
  if (bytes.length !== byteSize(type)) {
    throw new Failure(
      `input "${name}": expected ${byteSize(type)} bytes for ${typeText(type)}, found ${bytes.length} in ${path}`,
    );
  }
  const wrong = type.dtype === 'bool' ? bytes.findIndex((byte) => byte > 1) : -1;
  if (wrong >= 0) {
    throw new Failure(
      `input "${name}": expected 0 or 1 in every byte of a bool, found ${bytes[wrong]} at ${wrong} in ${path}`,
    );
  }
  return bytes;
}

const NPY_DTYPES: Readonly<Partial<Record<DType, readonly string[]>>> = {
  f32: ['<f4'],
  i32: ['<i4'],
  i16: ['<i2'],
  i8: ['|i1', '<i1'],
  u8: ['|u1', '<u1'],
  bool: ['|b1', '|u1'],
  i64: ['<i8'],
  f16: ['<f2'],
};

function fromNpy(name: ValueName, type: TensorType, path: string, file: Uint8Array): Uint8Array {
  const npy = readNpy(file, path);
  const accepted = NPY_DTYPES[type.dtype] ?? [];
  if (!accepted.includes(npy.descr)) {
    throw new Failure(
      `input "${name}": expected dtype ${accepted.join(' or ')} for ${typeText(type)}, found ${npy.descr} in ${path}`,
    );
  }
  if (!sameShape(npy.shape, type.shape)) {
    throw new Failure(
      `input "${name}": expected shape [${type.shape}] for ${typeText(type)}, found [${npy.shape}] in ${path}`,
    );
  }
  return npy.bytes;
}
