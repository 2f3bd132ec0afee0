/** The option tables of the supported operators: their member numbers in the union BuiltinOptions, and their fields. */
import { bool, type Decoded, enumeration, type Field, f32, i32, i32s, text } from './reader.ts';
import { TENSOR_TYPES } from './schema.ts';

const FUSED = ['NONE', 'RELU', 'RELU_N1_TO_1', 'RELU6', 'TANH', 'SIGN_BIT'] as const;
export type FusedActivation = (typeof FUSED)[number];
export type PaddingScheme = 'SAME' | 'VALID';

const fused = (id: number) => enumeration(id, FUSED, 'NONE');
const padding = (id: number) => enumeration<PaddingScheme>(id, ['SAME', 'VALID'], 'SAME');
const elementType = (id: number) => enumeration(id, TENSOR_TYPES, 'FLOAT32');

// biome-ignore lint/suspicious/noExplicitAny: the fields of any table
function member<D extends Record<string, Field<any>>>(number: number, fields: D) {
  return { number, fields };
}

export const OPTIONS = {
  Conv2DOptions: member(1, {
    padding: padding(0),
    stride_w: i32(1),
    stride_h: i32(2),
    fused_activation_function: fused(3),
    dilation_w_factor: i32(4, 1),
    dilation_h_factor: i32(5, 1),
    quantized_bias_type: elementType(6),
  }),
  DepthwiseConv2DOptions: member(2, {
    padding: padding(0),
    stride_w: i32(1),
    stride_h: i32(2),
    depth_multiplier: i32(3),
    fused_activation_function: fused(4),
    dilation_w_factor: i32(5, 1),
    dilation_h_factor: i32(6, 1),
  }),
  Pool2DOptions: member(5, {
    padding: padding(0),
    stride_w: i32(1),
    stride_h: i32(2),
    filter_width: i32(3),
    filter_height: i32(4),
    fused_activation_function: fused(5),
  }),
  SVDFOptions: member(6, { rank: i32(0), fused_activation_function: fused(1) }),
  FullyConnectedOptions: member(8, {
    fused_activation_function: fused(0),
    weights_format: enumeration(1, ['DEFAULT', 'SHUFFLED4x16INT8'], 'DEFAULT'),
    keep_num_dims: bool(2),
    quantized_bias_type: elementType(4),
  }),
  SoftmaxOptions: member(9, { beta: f32(0) }),
  ConcatenationOptions: member(10, { axis: i32(0), fused_activation_function: fused(1) }),
  AddOptions: member(11, { fused_activation_function: fused(0), pot_scale_int16: bool(1, true) }),
  L2NormOptions: member(12, { fused_activation_function: fused(0) }),
  ResizeBilinearOptions: member(15, { align_corners: bool(2), half_pixel_centers: bool(3) }),
  ReshapeOptions: member(17, { new_shape: i32s(0) }),
  SpaceToDepthOptions: member(19, { block_size: i32(0) }),
  MulOptions: member(21, { fused_activation_function: fused(0) }),
  GatherOptions: member(23, { axis: i32(0), batch_dims: i32(1) }),
  ReducerOptions: member(27, { keep_dims: bool(0) }),
  SubOptions: member(28, { fused_activation_function: fused(0), pot_scale_int16: bool(1, true) }),
  DivOptions: member(29, { fused_activation_function: fused(0) }),
  SqueezeOptions: member(30, { squeeze_dims: i32s(0) }),
  StridedSliceOptions: member(32, {
    begin_mask: i32(0),
    end_mask: i32(1),
    ellipsis_mask: i32(2),
    new_axis_mask: i32(3),
    shrink_axis_mask: i32(4),
    offset: bool(5),
  }),
  SplitOptions: member(35, { num_splits: i32(0) }),
  CastOptions: member(37, { in_data_type: elementType(0), out_data_type: elementType(1) }),
  ArgMaxOptions: member(40, { output_type: elementType(0) }),
  TransposeConvOptions: member(49, {
    padding: padding(0),
    stride_w: i32(1),
    stride_h: i32(2),
    fused_activation_function: fused(3),
    quantized_bias_type: elementType(4),
  }),
  ShapeOptions: member(55, { out_type: elementType(0) }),
  ArgMinOptions: member(57, { output_type: elementType(0) }),
  PackOptions: member(59, { values_count: i32(0), axis: i32(1) }),
  UnpackOptions: member(64, { num: i32(0), axis: i32(1) }),
  UnidirectionalSequenceLSTMOptions: member(71, {
    fused_activation_function: fused(0),
    cell_clip: f32(1),
    proj_clip: f32(2),
    time_major: bool(3),
    diagonal_recurrent_tensors: bool(5),
  }),
  ResizeNearestNeighborOptions: member(74, { align_corners: bool(0), half_pixel_centers: bool(1) }),
  LeakyReluOptions: member(75, { alpha: f32(0) }),
  MirrorPadOptions: member(77, { mode: enumeration(0, ['REFLECT', 'SYMMETRIC'], 'REFLECT') }),
  SplitVOptions: member(79, { num_splits: i32(0) }),
  IfOptions: member(92, { then_subgraph_index: i32(0), else_subgraph_index: i32(1) }),
  DepthToSpaceOptions: member(94, { block_size: i32(0) }),
  BatchMatMulOptions: member(101, { adj_x: bool(0), adj_y: bool(1) }),
  CumsumOptions: member(102, { exclusive: bool(0), reverse: bool(1) }),
  CallOnceOptions: member(103, { init_subgraph_index: i32(0) }),
  VarHandleOptions: member(111, { container: text(0), shared_name: text(1) }),
} as const;

export type OptionsName = keyof typeof OPTIONS;
export type Options<N extends OptionsName> = Decoded<(typeof OPTIONS)[N]['fields']>;
