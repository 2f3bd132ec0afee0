/** Writes .tflite files from plain declarations, so that tests can state a model of any shape in a few lines. */
import { Builder, type Offset } from 'flatbuffers';
import { encodeTensorData, type TensorData } from './tflite/data.ts';
import {
  ENUMS,
  type EnumKind,
  type Field,
  OPERATORS,
  OPTION_TABLES,
  type OperatorName,
  type OptionsOf,
  type OptionTable,
  TENSOR_TYPES,
  type TensorTypeName,
} from './tflite/schema.ts';

export type { TensorData } from './tflite/data.ts';
export type { OperatorName, TensorTypeName } from './tflite/schema.ts';

/** One dimension of a sparse tensor: implicit, or compressed as the columns of a CSR matrix are. */
export type SparseDimension =
  | { readonly denseSize: number }
  | { readonly segments: readonly number[]; readonly indices: readonly number[]; readonly width?: 8 | 16 | 32 };

export interface SparsitySpec {
  readonly traversalOrder: readonly number[];
  readonly blockMap?: readonly number[];
  readonly dimensions: readonly SparseDimension[];
}

export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: TensorTypeName;
  readonly scale?: readonly number[];
  readonly zeroPoint?: readonly number[];
  /** The dimension that `scale` runs along. */
  readonly axis?: number;
  /** Elements in row-major order (for a sparse tensor only the stored ones); absent for activations. */
  readonly data?: TensorData;
  readonly isVariable?: boolean;
  readonly shapeSignature?: readonly number[];
  readonly sparsity?: SparsitySpec;
}

interface OpOf<K extends OperatorName> {
  readonly op: K;
  /** Tensor indices; -1 stands for an absent optional input. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options?: OptionsOf<K>;
  readonly intermediates?: readonly number[];
  readonly version?: number;
}
export type OpSpec = { readonly [K in OperatorName]: OpOf<K> }[OperatorName];

export interface SubgraphSpec {
  readonly name?: string;
  readonly tensors: readonly TensorSpec[];
  readonly operators: readonly OpSpec[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

export interface SignatureSpec {
  readonly key: string;
  readonly subgraph: number;
  readonly inputs: Readonly<Record<string, number>>;
  readonly outputs: Readonly<Record<string, number>>;
}

export interface ModelSpec {
  readonly subgraphs: readonly SubgraphSpec[];
  readonly description?: string;
  readonly signatures?: readonly SignatureSpec[];
}

/** Buffers of the file under construction; number 0 is the empty one that activations refer to. */
class Buffers {
  readonly list: Uint8Array[] = [new Uint8Array(0)];

  add(bytes: Uint8Array): number {
    return this.list.push(bytes) - 1;
  }
}

/** Returns the bytes of the model. Throws when a tensor's data does not fit its shape or type. */
export function writeTflite(spec: ModelSpec): Uint8Array {
  const b = new Builder(1024);
  const buffers = new Buffers();
  const codes = operatorCodes(spec);
  const subgraphs = spec.subgraphs.map((subgraph) => writeSubgraph(b, subgraph, buffers, codes));
  const codeTables = [...codes.keys()].map((key) => writeOperatorCode(b, key));
  const bufferTables = buffers.list.map((bytes) => writeBuffer(b, bytes));
  const signatures = (spec.signatures ?? []).map((signature) => writeSignature(b, signature));
  const codeVector = offsets(b, codeTables);
  const subgraphVector = offsets(b, subgraphs);
  const description = b.createString(spec.description ?? '');
  const bufferVector = offsets(b, bufferTables);
  const signatureVector = signatures.length > 0 ? offsets(b, signatures) : 0;
  b.startObject(8);
  b.addFieldInt32(0, 3, 0);
  b.addFieldOffset(1, codeVector, 0);
  b.addFieldOffset(2, subgraphVector, 0);
  b.addFieldOffset(3, description, 0);
  b.addFieldOffset(4, bufferVector, 0);
  b.addFieldOffset(7, signatureVector, 0);
  b.finish(b.endObject(), 'TFL3');
  return b.asUint8Array().slice();
}

const codeKey = (op: OpSpec) => `${op.op}:${op.version ?? 1}`;

function operatorCodes(spec: ModelSpec): ReadonlyMap<string, number> {
  const keys = new Set(spec.subgraphs.flatMap((subgraph) => subgraph.operators.map(codeKey)));
  return new Map([...keys].map((key, index) => [key, index]));
}

function writeOperatorCode(b: Builder, key: string): Offset {
  const [name, version] = key.split(':');
  const code = OPERATORS[name as OperatorName][0];
  b.startObject(4);
  b.addFieldInt8(0, Math.min(code, 127), 0);
  b.addFieldInt32(2, Number(version), 1);
  b.addFieldInt32(3, code, 0);
  return b.endObject();
}

function writeBuffer(b: Builder, bytes: Uint8Array): Offset {
  const data = bytes.length > 0 ? byteVector(b, bytes, 16) : 0;
  b.startObject(3);
  b.addFieldOffset(0, data, 0);
  return b.endObject();
}

function writeSubgraph(b: Builder, spec: SubgraphSpec, buffers: Buffers, codes: ReadonlyMap<string, number>): Offset {
  const tensors = offsets(
    b,
    spec.tensors.map((tensor) => writeTensor(b, tensor, buffers)),
  );
  const inputs = int32s(b, spec.inputs);
  const outputs = int32s(b, spec.outputs);
  const operators = offsets(
    b,
    spec.operators.map((op) => writeOperator(b, op, codes.get(codeKey(op))!)),
  );
  const name = b.createString(spec.name ?? 'main');
  b.startObject(6);
  b.addFieldOffset(0, tensors, 0);
  b.addFieldOffset(1, inputs, 0);
  b.addFieldOffset(2, outputs, 0);
  b.addFieldOffset(3, operators, 0);
  b.addFieldOffset(4, name, 0);
  return b.endObject();
}

function writeTensor(b: Builder, spec: TensorSpec, buffers: Buffers): Offset {
  const buffer = spec.data === undefined ? 0 : buffers.add(encodeTensorData(spec, spec.data));
  const shape = int32s(b, spec.shape);
  const name = b.createString(spec.name);
  const quantization = spec.scale === undefined ? 0 : writeQuantization(b, spec, spec.scale);
  const sparsity = spec.sparsity === undefined ? 0 : writeSparsity(b, spec.sparsity);
  const signature = spec.shapeSignature === undefined ? 0 : int32s(b, spec.shapeSignature);
  b.startObject(11);
  b.addFieldOffset(0, shape, 0);
  b.addFieldInt8(1, TENSOR_TYPES[spec.type], 0);
  b.addFieldInt32(2, buffer, 0);
  b.addFieldOffset(3, name, 0);
  b.addFieldOffset(4, quantization, 0);
  b.addFieldInt8(5, spec.isVariable ? 1 : 0, 0);
  b.addFieldOffset(6, sparsity, 0);
  b.addFieldOffset(7, signature, 0);
  b.addFieldInt8(8, 1, 0);
  return b.endObject();
}

function writeQuantization(b: Builder, spec: TensorSpec, scale: readonly number[]): Offset {
  const scales = float32s(b, scale);
  const zeroPoints = int64s(b, spec.zeroPoint ?? scale.map(() => 0));
  b.startObject(7);
  b.addFieldOffset(2, scales, 0);
  b.addFieldOffset(3, zeroPoints, 0);
  b.addFieldInt32(6, spec.axis ?? 0, 0);
  return b.endObject();
}

function writeSparsity(b: Builder, spec: SparsitySpec): Offset {
  const order = int32s(b, spec.traversalOrder);
  const blockMap = spec.blockMap === undefined ? 0 : int32s(b, spec.blockMap);
  const dimensions = offsets(
    b,
    spec.dimensions.map((dimension) => writeDimension(b, dimension)),
  );
  b.startObject(3);
  b.addFieldOffset(0, order, 0);
  b.addFieldOffset(1, blockMap, 0);
  b.addFieldOffset(2, dimensions, 0);
  return b.endObject();
}

function writeDimension(b: Builder, spec: SparseDimension): Offset {
  if ('denseSize' in spec) {
    b.startObject(6);
    b.addFieldInt32(1, spec.denseSize, 0);
    return b.endObject();
  }
  const width = spec.width ?? 32;
  const segments = indexVector(b, spec.segments, width);
  const indices = indexVector(b, spec.indices, width);
  const member = { 32: 1, 16: 2, 8: 3 }[width];
  b.startObject(6);
  b.addFieldInt8(0, 1, 0);
  b.addFieldInt8(2, member, 0);
  b.addFieldOffset(3, segments, 0);
  b.addFieldInt8(4, member, 0);
  b.addFieldOffset(5, indices, 0);
  return b.endObject();
}

/** A table whose only field is a vector of unsigned integers of the given width in bits. */
function indexVector(b: Builder, values: readonly number[], width: 8 | 16 | 32): Offset {
  b.startVector(width / 8, values.length, 4);
  for (const value of values.toReversed()) {
    if (width === 8) b.addInt8(value);
    else if (width === 16) b.addInt16(value);
    else b.addInt32(value);
  }
  const vector = b.endVector();
  b.startObject(1);
  b.addFieldOffset(0, vector, 0);
  return b.endObject();
}

function writeOperator(b: Builder, spec: OpSpec, codeIndex: number): Offset {
  const tableName = OPERATORS[spec.op][1];
  const table: OptionTable | undefined = tableName && OPTION_TABLES[tableName];
  const inputs = int32s(b, spec.inputs);
  const outputs = int32s(b, spec.outputs);
  const options = table === undefined ? 0 : writeOptions(b, table, spec);
  const intermediates = spec.intermediates === undefined ? 0 : int32s(b, spec.intermediates);
  b.startObject(14);
  b.addFieldInt32(0, codeIndex, 0);
  b.addFieldOffset(1, inputs, 0);
  b.addFieldOffset(2, outputs, 0);
  b.addFieldInt8(3, table?.union ?? 0, 0);
  b.addFieldOffset(4, options, 0);
  b.addFieldOffset(8, intermediates, 0);
  return b.endObject();
}

function writeOptions(b: Builder, table: OptionTable, spec: OpSpec): Offset {
  const values: Readonly<Record<string, unknown>> = spec.options ?? {};
  const unknown = Object.keys(values).find((name) => !(name in table.fields));
  if (unknown !== undefined) throw new Error(`${spec.op} has no option ${unknown}`);
  const given = Object.entries(table.fields).filter(([name]) => values[name] !== undefined);
  const prepared = given.map(([name, field]) => [field, prepareOption(b, field, values[name])] as const);
  b.startObject(Math.max(0, ...Object.values(table.fields).map(([slot]) => slot + 1)));
  for (const [field, value] of prepared) addOption(b, field, value);
  return b.endObject();
}

/** Vectors and strings must be written before the table that holds them begins: they become offsets here. */
function prepareOption(b: Builder, [, kind]: Field, value: unknown): number {
  if (kind === 'i32s') return int32s(b, value as readonly number[]);
  if (kind === 'string') return b.createString(value as string);
  if (kind in ENUMS) return (ENUMS[kind as EnumKind] as Readonly<Record<string, number>>)[value as string];
  return Number(value);
}

function addOption(b: Builder, [slot, kind, initial]: Field, value: number): void {
  if (kind === 'i32s' || kind === 'string') b.addFieldOffset(slot, value, 0);
  else if (kind === 'f32') b.addFieldFloat32(slot, value, Number(initial ?? 0));
  else if (kind === 'i32') b.addFieldInt32(slot, value, Number(initial ?? 0));
  else b.addFieldInt8(slot, value, Number(initial ?? 0));
}

function writeSignature(b: Builder, spec: SignatureSpec): Offset {
  const inputs = tensorMaps(b, spec.inputs);
  const outputs = tensorMaps(b, spec.outputs);
  const key = b.createString(spec.key);
  b.startObject(5);
  b.addFieldOffset(0, inputs, 0);
  b.addFieldOffset(1, outputs, 0);
  b.addFieldOffset(2, key, 0);
  b.addFieldInt32(4, spec.subgraph, 0);
  return b.endObject();
}

function tensorMaps(b: Builder, entries: Readonly<Record<string, number>>): Offset {
  const tables = Object.entries(entries).map(([alias, index]) => {
    const name = b.createString(alias);
    b.startObject(2);
    b.addFieldOffset(0, name, 0);
    b.addFieldInt32(1, index, 0);
    return b.endObject();
  });
  return offsets(b, tables);
}

// Vectors are built from the last element to the first, because a FlatBuffer grows downwards.

function offsets(b: Builder, values: readonly Offset[]): Offset {
  b.startVector(4, values.length, 4);
  for (const value of values.toReversed()) b.addOffset(value);
  return b.endVector();
}

function int32s(b: Builder, values: readonly number[]): Offset {
  b.startVector(4, values.length, 4);
  for (const value of values.toReversed()) b.addInt32(value);
  return b.endVector();
}

function int64s(b: Builder, values: readonly number[]): Offset {
  b.startVector(8, values.length, 8);
  for (const value of values.toReversed()) b.addInt64(BigInt(value));
  return b.endVector();
}

function float32s(b: Builder, values: readonly number[]): Offset {
  b.startVector(4, values.length, 4);
  for (const value of values.toReversed()) b.addFloat32(value);
  return b.endVector();
}

function byteVector(b: Builder, bytes: Uint8Array, alignment: number): Offset {
  b.startVector(1, bytes.length, alignment);
  for (const byte of bytes.toReversed()) b.addInt8(byte);
  return b.endVector();
}
