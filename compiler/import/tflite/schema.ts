/**
 * The tables of a TFLite file that the importer reads, after TensorFlow's `lite/schema/schema.fbs` (version 3). Fields
 * that say nothing about the computation (debug metadata, recorded minima and maxima) are left out, but for signatures,
 * whose names the users of a model know.
 */
import {
  blob,
  bool,
  type Decoded,
  enumeration,
  f32s,
  i8,
  i32,
  i32s,
  i64s,
  table,
  tables,
  text,
  u8s,
  u16s,
  u32,
  u64,
  union,
} from './reader.ts';

export const FILE_IDENTIFIER = 'TFL3';
export const SCHEMA_VERSION = 3;

/** Beyond these numbers of entries a file is refused; the largest converted networks stay far below. */
export const LIMITS = {
  subgraphs: 2 ** 10,
  operators: 2 ** 14,
  tensors: 2 ** 17,
  buffers: 2 ** 18,
  signatures: 2 ** 10,
} as const;

/** Element types by number. */
export const TENSOR_TYPES = [
  'FLOAT32',
  'FLOAT16',
  'INT32',
  'UINT8',
  'INT64',
  'STRING',
  'BOOL',
  'INT16',
  'COMPLEX64',
  'INT8',
  'FLOAT64',
  'COMPLEX128',
  'UINT64',
  'RESOURCE',
  'VARIANT',
  'UINT32',
  'UINT16',
  'INT4',
  'BFLOAT16',
  'INT2',
  'UINT4',
  'FLOAT8_E4M3FN',
  'FLOAT8_E5M2',
] as const;
export type TensorTypeName = (typeof TENSOR_TYPES)[number];

const quantization = {
  scale: f32s(2),
  zero_point: i64s(3),
  details: union(4).type,
  quantized_dimension: i32(6),
};

const int32Vector = { values: i32s(0) };
const uint16Vector = { values: u16s(0) };
const uint8Vector = { values: u8s(0) };
/** The tables of the union SparseIndexVector by member number. */
export const INDEX_VECTORS = [undefined, int32Vector, uint16Vector, uint8Vector] as const;

const dimensionMetadata = {
  format: enumeration(0, ['DENSE', 'SPARSE_CSR'], 'DENSE'),
  dense_size: i32(1),
  array_segments_type: union(2).type,
  array_segments: union(2).value,
  array_indices_type: union(4).type,
  array_indices: union(4).value,
};

const sparsity = {
  traversal_order: i32s(0),
  block_map: i32s(1),
  dim_metadata: tables(2, 'sparse dimension', 64, dimensionMetadata),
};

const tensor = {
  shape: i32s(0),
  type: enumeration(1, TENSOR_TYPES, 'FLOAT32'),
  buffer: u32(2),
  name: text(3),
  quantization: table(4, quantization),
  is_variable: bool(5),
  sparsity: table(6, sparsity),
  shape_signature: i32s(7),
  has_rank: bool(8),
  external_buffer: u32(10),
};

const operator = {
  opcode_index: u32(0),
  inputs: i32s(1),
  outputs: i32s(2),
  options_type: union(3).type,
  options: union(3).value,
  intermediates: i32s(8),
};

const subgraph = {
  tensors: tables(0, 'tensor', LIMITS.tensors, tensor),
  inputs: i32s(1),
  outputs: i32s(2),
  operators: tables(3, 'operator', LIMITS.operators, operator),
  name: text(4),
};

const operatorCode = { deprecated_builtin_code: i8(0), custom_code: text(1), builtin_code: i32(3) };
const buffer = { data: blob(0), offset: u64(1), size: u64(2) };
const tensorMap = { name: text(0), tensor_index: u32(1) };
const signature = {
  inputs: tables(0, 'signature input', LIMITS.tensors, tensorMap),
  outputs: tables(1, 'signature output', LIMITS.tensors, tensorMap),
  subgraph_index: u32(4),
};

export const MODEL = {
  version: u32(0),
  operator_codes: tables(1, 'operator code', LIMITS.operators, operatorCode),
  subgraphs: tables(2, 'subgraph', LIMITS.subgraphs, subgraph),
  description: text(3),
  buffers: tables(4, 'buffer', LIMITS.buffers, buffer),
  signature_defs: tables(7, 'signature', LIMITS.signatures, signature),
};

export type QuantizationRecord = Decoded<typeof quantization>;
export type DimensionRecord = Decoded<typeof dimensionMetadata>;
export type SparsityRecord = Decoded<typeof sparsity>;
export type TensorRecord = Decoded<typeof tensor>;
export type OperatorRecord = Decoded<typeof operator>;
export type SubgraphRecord = Decoded<typeof subgraph>;
export type TensorMapRecord = Decoded<typeof tensorMap>;
export type ModelRecord = Decoded<typeof MODEL>;
