/** The messages of ONNX that mcc reads, with the field numbers of onnx.proto (IR versions 3 to 13). */
import {
  byteLists,
  bytes,
  doubles,
  float,
  floats,
  int,
  ints,
  type MessageSpec,
  message,
  messages,
  optionalInt,
  text,
  texts,
} from './wire.ts';

export interface EntryProto {
  readonly key: string;
  readonly value: string;
}

export interface TensorProto {
  readonly dims: readonly number[];
  readonly data_type: number;
  readonly float_data: readonly number[];
  readonly int32_data: readonly number[];
  readonly string_data: readonly Uint8Array[];
  readonly int64_data: readonly number[];
  readonly name: string;
  readonly raw_data: Uint8Array | undefined;
  readonly double_data: readonly number[];
  readonly uint64_data: readonly number[];
  readonly external_data: readonly EntryProto[];
  readonly data_location: number;
}

export interface SparseTensorProto {
  readonly values: TensorProto | undefined;
  readonly indices: TensorProto | undefined;
  readonly dims: readonly number[];
}

export interface DimensionProto {
  readonly dim_value: number | undefined;
  readonly dim_param: string;
}

export interface TensorTypeProto {
  readonly elem_type: number;
  readonly shape: { readonly dim: readonly DimensionProto[] } | undefined;
}

export interface TypeProto {
  readonly tensor_type: TensorTypeProto | undefined;
  readonly sequence_type: { readonly elem_type: TypeProto | undefined } | undefined;
  readonly optional_type: { readonly elem_type: TypeProto | undefined } | undefined;
}

export interface ValueInfoProto {
  readonly name: string;
  readonly type: TypeProto | undefined;
}

export interface AttributeProto {
  readonly name: string;
  readonly ref_attr_name: string;
  readonly type: number;
  readonly f: number;
  readonly i: number;
  readonly s: Uint8Array | undefined;
  readonly t: TensorProto | undefined;
  readonly g: GraphProto | undefined;
  readonly sparse_tensor: SparseTensorProto | undefined;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly strings: readonly Uint8Array[];
  readonly tensors: readonly TensorProto[];
  readonly graphs: readonly GraphProto[];
  readonly tp: TypeProto | undefined;
}

export interface NodeProto {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name: string;
  readonly op_type: string;
  readonly domain: string;
  readonly overload: string;
  readonly attribute: readonly AttributeProto[];
}

export interface GraphProto {
  readonly node: readonly NodeProto[];
  readonly name: string;
  readonly initializer: readonly TensorProto[];
  readonly sparse_initializer: readonly SparseTensorProto[];
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
  readonly value_info: readonly ValueInfoProto[];
}

export interface OperatorSetProto {
  readonly domain: string;
  readonly version: number;
}

export interface FunctionProto {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly string[];
  readonly attribute_proto: readonly AttributeProto[];
  readonly node: readonly NodeProto[];
  readonly opset_import: readonly OperatorSetProto[];
}

export interface ModelProto {
  readonly ir_version: number;
  readonly producer_name: string;
  readonly graph: GraphProto | undefined;
  readonly opset_import: readonly OperatorSetProto[];
  readonly functions: readonly FunctionProto[];
}

const ENTRY: MessageSpec<EntryProto> = { key: [1, text], value: [2, text] };

const TENSOR: MessageSpec<TensorProto> = {
  dims: [1, ints],
  data_type: [2, int],
  float_data: [4, floats],
  int32_data: [5, ints],
  string_data: [6, byteLists],
  int64_data: [7, ints],
  name: [8, text],
  raw_data: [9, bytes],
  double_data: [10, doubles],
  uint64_data: [11, ints],
  external_data: [13, messages(() => ENTRY)],
  data_location: [14, int],
};

const SPARSE_TENSOR: MessageSpec<SparseTensorProto> = {
  values: [1, message(() => TENSOR)],
  indices: [2, message(() => TENSOR)],
  dims: [3, ints],
};

const DIMENSION: MessageSpec<DimensionProto> = { dim_value: [1, optionalInt], dim_param: [2, text] };
const SHAPE: MessageSpec<{ readonly dim: readonly DimensionProto[] }> = { dim: [1, messages(() => DIMENSION)] };
const TENSOR_TYPE: MessageSpec<TensorTypeProto> = { elem_type: [1, int], shape: [2, message(() => SHAPE)] };
const NESTED_TYPE: MessageSpec<{ readonly elem_type: TypeProto | undefined }> = { elem_type: [1, message(() => TYPE)] };
const TYPE: MessageSpec<TypeProto> = {
  tensor_type: [1, message(() => TENSOR_TYPE)],
  sequence_type: [4, message(() => NESTED_TYPE)],
  optional_type: [9, message(() => NESTED_TYPE)],
};
const VALUE_INFO: MessageSpec<ValueInfoProto> = { name: [1, text], type: [2, message(() => TYPE)] };

const ATTRIBUTE: MessageSpec<AttributeProto> = {
  name: [1, text],
  f: [2, float],
  i: [3, int],
  s: [4, bytes],
  t: [5, message(() => TENSOR)],
  g: [6, message(() => GRAPH)],
  floats: [7, floats],
  ints: [8, ints],
  strings: [9, byteLists],
  tensors: [10, messages(() => TENSOR)],
  graphs: [11, messages(() => GRAPH)],
  tp: [14, message(() => TYPE)],
  type: [20, int],
  ref_attr_name: [21, text],
  sparse_tensor: [22, message(() => SPARSE_TENSOR)],
};

const NODE: MessageSpec<NodeProto> = {
  input: [1, texts],
  output: [2, texts],
  name: [3, text],
  op_type: [4, text],
  attribute: [5, messages(() => ATTRIBUTE)],
  domain: [7, text],
  overload: [8, text],
};

const GRAPH: MessageSpec<GraphProto> = {
  node: [1, messages(() => NODE)],
  name: [2, text],
  initializer: [5, messages(() => TENSOR)],
  input: [11, messages(() => VALUE_INFO)],
  output: [12, messages(() => VALUE_INFO)],
  value_info: [13, messages(() => VALUE_INFO)],
  sparse_initializer: [15, messages(() => SPARSE_TENSOR)],
};

const OPERATOR_SET: MessageSpec<OperatorSetProto> = { domain: [1, text], version: [2, int] };

const FUNCTION: MessageSpec<FunctionProto> = {
  name: [1, text],
  input: [4, texts],
  output: [5, texts],
  attribute: [6, texts],
  node: [7, messages(() => NODE)],
  opset_import: [9, messages(() => OPERATOR_SET)],
  domain: [10, text],
  attribute_proto: [11, messages(() => ATTRIBUTE)],
  overload: [13, text],
};

export const MODEL: MessageSpec<ModelProto> = {
  ir_version: [1, int],
  producer_name: [2, text],
  graph: [7, message(() => GRAPH)],
  opset_import: [8, messages(() => OPERATOR_SET)],
  functions: [25, messages(() => FUNCTION)],
};

/** The suite's recorded inputs and outputs are single tensors. */
export const TENSOR_FILE: MessageSpec<TensorProto> = TENSOR;
