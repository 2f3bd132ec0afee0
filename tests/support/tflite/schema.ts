/**
 * The facts of the TFLite schema that the writer needs: tensor types, operator codes and, for each option table,
 * its member number in the `BuiltinOptions` union and its fields (slot, kind, default).
 */

export const TENSOR_TYPES = {
  f32: 0,
  f16: 1,
  i32: 2,
  u8: 3,
  i64: 4,
  string: 5,
  bool: 6,
  i16: 7,
  i8: 9,
  f64: 10,
  u64: 12,
  resource: 13,
  u32: 15,
  u16: 16,
  i4: 17,
  i2: 19,
  u4: 20,
} as const;
export type TensorTypeName = keyof typeof TENSOR_TYPES;

export const ENUMS = {
  padding: { SAME: 0, VALID: 1 },
  activation: { NONE: 0, RELU: 1, RELU_N1_TO_1: 2, RELU6: 3, TANH: 4, SIGN_BIT: 5 },
  mirror: { REFLECT: 0, SYMMETRIC: 1 },
  weights: { DEFAULT: 0, SHUFFLED4x16INT8: 1 },
  type: TENSOR_TYPES,
} as const;
export type EnumKind = keyof typeof ENUMS;

interface KindValues {
  i32: number;
  f32: number;
  bool: boolean;
  i32s: readonly number[];
  string: string;
  padding: keyof typeof ENUMS.padding;
  activation: keyof typeof ENUMS.activation;
  mirror: keyof typeof ENUMS.mirror;
  weights: keyof typeof ENUMS.weights;
  type: TensorTypeName;
}
export type FieldKind = keyof KindValues;

/** [slot, kind, default]; the default (0, false, absent) is stated only where it differs. */
export type Field = readonly [slot: number, kind: FieldKind, initial?: number | boolean];
export interface OptionTable {
  readonly union: number;
  readonly fields: Readonly<Record<string, Field>>;
}

export const OPTION_TABLES = {
  Conv2D: {
    union: 1,
    fields: {
      padding: [0, 'padding'],
      stride_w: [1, 'i32'],
      stride_h: [2, 'i32'],
      fused_activation_function: [3, 'activation'],
      dilation_w_factor: [4, 'i32', 1],
      dilation_h_factor: [5, 'i32', 1],
      quantized_bias_type: [6, 'type'],
    },
  },
  DepthwiseConv2D: {
    union: 2,
    fields: {
      padding: [0, 'padding'],
      stride_w: [1, 'i32'],
      stride_h: [2, 'i32'],
      depth_multiplier: [3, 'i32'],
      fused_activation_function: [4, 'activation'],
      dilation_w_factor: [5, 'i32', 1],
      dilation_h_factor: [6, 'i32', 1],
    },
  },
  Pool2D: {
    union: 5,
    fields: {
      padding: [0, 'padding'],
      stride_w: [1, 'i32'],
      stride_h: [2, 'i32'],
      filter_width: [3, 'i32'],
      filter_height: [4, 'i32'],
      fused_activation_function: [5, 'activation'],
    },
  },
  SVDF: {
    union: 6,
    fields: {
      rank: [0, 'i32'],
      fused_activation_function: [1, 'activation'],
      asymmetric_quantize_inputs: [2, 'bool'],
    },
  },
  FullyConnected: {
    union: 8,
    fields: {
      fused_activation_function: [0, 'activation'],
      weights_format: [1, 'weights'],
      keep_num_dims: [2, 'bool'],
      asymmetric_quantize_inputs: [3, 'bool'],
      quantized_bias_type: [4, 'type'],
    },
  },
  Softmax: { union: 9, fields: { beta: [0, 'f32'] } },
  Concatenation: { union: 10, fields: { axis: [0, 'i32'], fused_activation_function: [1, 'activation'] } },
  Add: { union: 11, fields: { fused_activation_function: [0, 'activation'], pot_scale_int16: [1, 'bool', true] } },
  L2Norm: { union: 12, fields: { fused_activation_function: [0, 'activation'] } },
  ResizeBilinear: { union: 15, fields: { align_corners: [2, 'bool'], half_pixel_centers: [3, 'bool'] } },
  Reshape: { union: 17, fields: { new_shape: [0, 'i32s'] } },
  SpaceToDepth: { union: 19, fields: { block_size: [0, 'i32'] } },
  Mul: { union: 21, fields: { fused_activation_function: [0, 'activation'] } },
  Pad: { union: 22, fields: {} },
  Gather: { union: 23, fields: { axis: [0, 'i32'], batch_dims: [1, 'i32'] } },
  BatchToSpaceND: { union: 24, fields: {} },
  SpaceToBatchND: { union: 25, fields: {} },
  Transpose: { union: 26, fields: {} },
  Reducer: { union: 27, fields: { keep_dims: [0, 'bool'] } },
  Sub: { union: 28, fields: { fused_activation_function: [0, 'activation'], pot_scale_int16: [1, 'bool', true] } },
  Div: { union: 29, fields: { fused_activation_function: [0, 'activation'] } },
  Squeeze: { union: 30, fields: { squeeze_dims: [0, 'i32s'] } },
  StridedSlice: {
    union: 32,
    fields: {
      begin_mask: [0, 'i32'],
      end_mask: [1, 'i32'],
      ellipsis_mask: [2, 'i32'],
      new_axis_mask: [3, 'i32'],
      shrink_axis_mask: [4, 'i32'],
      offset: [5, 'bool'],
    },
  },
  Exp: { union: 33, fields: {} },
  Split: { union: 35, fields: { num_splits: [0, 'i32'] } },
  LogSoftmax: { union: 36, fields: {} },
  Cast: { union: 37, fields: { in_data_type: [0, 'type'], out_data_type: [1, 'type'] } },
  Dequantize: { union: 38, fields: {} },
  MaximumMinimum: { union: 39, fields: {} },
  ArgMax: { union: 40, fields: { output_type: [0, 'type'] } },
  Less: { union: 41, fields: {} },
  Neg: { union: 42, fields: {} },
  PadV2: { union: 43, fields: {} },
  Greater: { union: 44, fields: {} },
  GreaterEqual: { union: 45, fields: {} },
  LessEqual: { union: 46, fields: {} },
  Select: { union: 47, fields: {} },
  Slice: { union: 48, fields: {} },
  TransposeConv: {
    union: 49,
    fields: {
      padding: [0, 'padding'],
      stride_w: [1, 'i32'],
      stride_h: [2, 'i32'],
      fused_activation_function: [3, 'activation'],
      quantized_bias_type: [4, 'type'],
    },
  },
  Tile: { union: 51, fields: {} },
  ExpandDims: { union: 52, fields: {} },
  Equal: { union: 53, fields: {} },
  NotEqual: { union: 54, fields: {} },
  Shape: { union: 55, fields: { out_type: [0, 'type'] } },
  ArgMin: { union: 57, fields: { output_type: [0, 'type'] } },
  Pack: { union: 59, fields: { values_count: [0, 'i32'], axis: [1, 'i32'] } },
  LogicalOr: { union: 60, fields: {} },
  LogicalAnd: { union: 62, fields: {} },
  LogicalNot: { union: 63, fields: {} },
  Unpack: { union: 64, fields: { num: [0, 'i32'], axis: [1, 'i32'] } },
  Square: { union: 66, fields: {} },
  Fill: { union: 68, fields: {} },
  UnidirectionalSequenceLSTM: {
    union: 71,
    fields: {
      fused_activation_function: [0, 'activation'],
      cell_clip: [1, 'f32'],
      proj_clip: [2, 'f32'],
      time_major: [3, 'bool'],
      asymmetric_quantize_inputs: [4, 'bool'],
      diagonal_recurrent_tensors: [5, 'bool'],
    },
  },
  ResizeNearestNeighbor: { union: 74, fields: { align_corners: [0, 'bool'], half_pixel_centers: [1, 'bool'] } },
  LeakyRelu: { union: 75, fields: { alpha: [0, 'f32'] } },
  SquaredDifference: { union: 76, fields: {} },
  MirrorPad: { union: 77, fields: { mode: [0, 'mirror'] } },
  Abs: { union: 78, fields: {} },
  SplitV: { union: 79, fields: { num_splits: [0, 'i32'] } },
  Cos: { union: 84, fields: {} },
  Quantize: { union: 89, fields: {} },
  HardSwish: { union: 91, fields: {} },
  If: { union: 92, fields: { then_subgraph_index: [0, 'i32'], else_subgraph_index: [1, 'i32'] } },
  While: { union: 93, fields: { cond_subgraph_index: [0, 'i32'], body_subgraph_index: [1, 'i32'] } },
  DepthToSpace: { union: 94, fields: { block_size: [0, 'i32'] } },
  SelectV2: { union: 98, fields: {} },
  Densify: { union: 99, fields: {} },
  BatchMatMul: {
    union: 101,
    fields: { adj_x: [0, 'bool'], adj_y: [1, 'bool'], asymmetric_quantize_inputs: [2, 'bool'] },
  },
  Cumsum: { union: 102, fields: { exclusive: [0, 'bool'], reverse: [1, 'bool'] } },
  CallOnce: { union: 103, fields: { init_subgraph_index: [0, 'i32'] } },
  BroadcastTo: { union: 104, fields: {} },
  VarHandle: { union: 111, fields: { container: [0, 'string'], shared_name: [1, 'string'] } },
  ReadVariable: { union: 112, fields: {} },
  AssignVariable: { union: 113, fields: {} },
} as const satisfies Record<string, OptionTable>;
type TableName = keyof typeof OPTION_TABLES;

/** [operator code, option table or none]. */
export const OPERATORS = {
  ADD: [0, 'Add'],
  AVERAGE_POOL_2D: [1, 'Pool2D'],
  CONCATENATION: [2, 'Concatenation'],
  CONV_2D: [3, 'Conv2D'],
  DEPTHWISE_CONV_2D: [4, 'DepthwiseConv2D'],
  DEPTH_TO_SPACE: [5, 'DepthToSpace'],
  DEQUANTIZE: [6, 'Dequantize'],
  FLOOR: [8],
  FULLY_CONNECTED: [9, 'FullyConnected'],
  L2_NORMALIZATION: [11, 'L2Norm'],
  LOGISTIC: [14],
  MAX_POOL_2D: [17, 'Pool2D'],
  MUL: [18, 'Mul'],
  RELU: [19],
  RELU_N1_TO_1: [20],
  RELU6: [21],
  RESHAPE: [22, 'Reshape'],
  RESIZE_BILINEAR: [23, 'ResizeBilinear'],
  SOFTMAX: [25, 'Softmax'],
  SPACE_TO_DEPTH: [26, 'SpaceToDepth'],
  SVDF: [27, 'SVDF'],
  TANH: [28],
  PAD: [34, 'Pad'],
  GATHER: [36, 'Gather'],
  BATCH_TO_SPACE_ND: [37, 'BatchToSpaceND'],
  SPACE_TO_BATCH_ND: [38, 'SpaceToBatchND'],
  TRANSPOSE: [39, 'Transpose'],
  MEAN: [40, 'Reducer'],
  SUB: [41, 'Sub'],
  DIV: [42, 'Div'],
  SQUEEZE: [43, 'Squeeze'],
  UNIDIRECTIONAL_SEQUENCE_LSTM: [44, 'UnidirectionalSequenceLSTM'],
  STRIDED_SLICE: [45, 'StridedSlice'],
  EXP: [47, 'Exp'],
  SPLIT: [49, 'Split'],
  LOG_SOFTMAX: [50, 'LogSoftmax'],
  CAST: [53, 'Cast'],
  PRELU: [54],
  MAXIMUM: [55, 'MaximumMinimum'],
  ARG_MAX: [56, 'ArgMax'],
  MINIMUM: [57, 'MaximumMinimum'],
  LESS: [58, 'Less'],
  NEG: [59, 'Neg'],
  PADV2: [60, 'PadV2'],
  GREATER: [61, 'Greater'],
  GREATER_EQUAL: [62, 'GreaterEqual'],
  LESS_EQUAL: [63, 'LessEqual'],
  SELECT: [64, 'Select'],
  SLICE: [65, 'Slice'],
  SIN: [66],
  TRANSPOSE_CONV: [67, 'TransposeConv'],
  TILE: [69, 'Tile'],
  EXPAND_DIMS: [70, 'ExpandDims'],
  EQUAL: [71, 'Equal'],
  NOT_EQUAL: [72, 'NotEqual'],
  LOG: [73],
  SUM: [74, 'Reducer'],
  SQRT: [75],
  RSQRT: [76],
  SHAPE: [77, 'Shape'],
  ARG_MIN: [79, 'ArgMin'],
  REDUCE_PROD: [81, 'Reducer'],
  REDUCE_MAX: [82, 'Reducer'],
  PACK: [83, 'Pack'],
  LOGICAL_OR: [84, 'LogicalOr'],
  LOGICAL_AND: [86, 'LogicalAnd'],
  LOGICAL_NOT: [87, 'LogicalNot'],
  UNPACK: [88, 'Unpack'],
  REDUCE_MIN: [89, 'Reducer'],
  SQUARE: [92, 'Square'],
  FILL: [94, 'Fill'],
  RESIZE_NEAREST_NEIGHBOR: [97, 'ResizeNearestNeighbor'],
  LEAKY_RELU: [98, 'LeakyRelu'],
  SQUARED_DIFFERENCE: [99, 'SquaredDifference'],
  MIRROR_PAD: [100, 'MirrorPad'],
  ABS: [101, 'Abs'],
  SPLIT_V: [102, 'SplitV'],
  CEIL: [104],
  COS: [108, 'Cos'],
  ELU: [111],
  QUANTIZE: [114, 'Quantize'],
  ROUND: [116],
  HARD_SWISH: [117, 'HardSwish'],
  IF: [118, 'If'],
  WHILE: [119, 'While'],
  SELECT_V2: [123, 'SelectV2'],
  DENSIFY: [124, 'Densify'],
  BATCH_MATMUL: [126, 'BatchMatMul'],
  CUMSUM: [128, 'Cumsum'],
  CALL_ONCE: [129, 'CallOnce'],
  BROADCAST_TO: [130, 'BroadcastTo'],
  VAR_HANDLE: [142, 'VarHandle'],
  READ_VARIABLE: [143, 'ReadVariable'],
  ASSIGN_VARIABLE: [144, 'AssignVariable'],
} as const satisfies Record<string, readonly [code: number, table?: TableName]>;
export type OperatorName = keyof typeof OPERATORS;

type ValueOf<F> = F extends readonly [number, infer K extends FieldKind, ...unknown[]] ? KindValues[K] : never;
type FieldsOf<T extends TableName> = {
  readonly [F in keyof (typeof OPTION_TABLES)[T]['fields']]?: ValueOf<(typeof OPTION_TABLES)[T]['fields'][F]>;
};
/** The options that operator `K` takes, by their schema names. */
export type OptionsOf<K extends OperatorName> = (typeof OPERATORS)[K] extends readonly [
  number,
  infer T extends TableName,
]
  ? FieldsOf<T>
  : Readonly<Record<string, never>>;
