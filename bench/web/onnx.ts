/**
 * A simplified graph as an ONNX file for onnxruntime: the operators of the benchmarks' models, float32 or int8.
 *
 * Images become NCHW. int8 becomes uint8 with the zero point moved by 128, dequantized before each operator and quantized
 * after it, which is the form that onnxruntime fuses into its integer operators.
 */
import { activationBounds, quantizedActivationRange } from '../../ir/tensor/fixed-point.ts';
import { type Graph, type Node, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import type { ConvAttrs } from '../../ir/tensor/ops/conv.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import type { FullyConnectedAttrs } from '../../ir/tensor/ops/matmul.ts';
import type { PoolAttrs } from '../../ir/tensor/ops/pool.ts';
import type { ReduceAttrs } from '../../ir/tensor/ops/reduce.ts';
import { affineOf, elementCount, type TensorData, type TensorType } from '../../ir/tensor/types.ts';
import {
  type OnnxAttribute,
  type OnnxConstant,
  type OnnxNode,
  type OnnxPort,
  type OnnxType,
  writeOnnx,
} from './onnx-file.ts';

type Activation = ConvAttrs['activation'];

/** Extents of an NHWC shape in NCHW. */
function nchw(shape: readonly number[]): number[] {
  const [n, h, w, c] = shape as [number, number, number, number];
  return shape.length === 4 ? [n, c, h, w] : [...shape];
}

/** Elements of an array of rank 4 with its dimensions in another order. */
function transposed(data: TensorData, shape: readonly number[], order: readonly number[]): number[] {
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  const [a, b, c, d] = order.map((axis) => shape[axis] as number) as [number, number, number, number];
  const out: number[] = [];
  for (let i = 0; i < a * b * c * d; i += 1) {
    const index = [Math.floor(i / (b * c * d)), Math.floor(i / (c * d)) % b, Math.floor(i / d) % c, i % d];
    out.push(Number(data[order.reduce((at, axis, k) => at + (index[k] as number) * (strides[axis] as number), 0)]));
  }
  return out;
}

const ARRAYS = { f32: Float32Array, u8: Uint8Array, i8: Int8Array, i32: Int32Array } as const;

class Converter {
  readonly constants: OnnxConstant[] = [];
  readonly nodes: OnnxNode[] = [];
  private readonly graph: Graph;
  private fresh = 0;

  constructor(graph: Graph) {
    this.graph = graph;
  }

  type(name: ValueName): TensorType {
    return typeOfValue(this.graph, name);
  }

  port(name: ValueName): OnnxPort {
    const { dtype, shape } = this.type(name);
    return { name, type: dtype === 'f32' ? 'f32' : 'u8', shape: nchw(shape) };
  }

  constant(type: keyof typeof ARRAYS | 'i64', shape: readonly number[], values: readonly number[]): string {
    const array = type === 'i64' ? BigInt64Array.from(values, BigInt) : ARRAYS[type].from(values);
    const name = `constant${this.constants.length}`;
    const bytes = new Uint8Array(array.buffer);
    this.constants.push({ name, type: type as OnnxType, shape, bytes });
    return name;
  }

  node(op: string, inputs: readonly string[], attributes: OnnxNode['attributes'] = {}, output?: string): string {
    const name = output ?? `value${this.fresh++}`;
    this.nodes.push({ op, inputs, outputs: [name], attributes });
    return name;
  }

  /** Scale and zero point of an activation in uint8. */
  private quantization(name: ValueName): string[] {
    const { scale, zeroPoint } = affineOf(this.type(name));
    return [this.constant('f32', [], [scale]), this.constant('u8', [], [zeroPoint + 128])];
  }

  /** An activation as float32. */
  real(name: ValueName): string {
    if (this.type(name).dtype === 'f32') return name;
    return this.node('DequantizeLinear', [name, ...this.quantization(name)]);
  }

  /** Ends an operator: clamps and, where the result is int8, quantizes. */
  finish(x: string, output: ValueName, activation: Activation = 'none'): void {
    const type = this.type(output);
    const [low, high] = activationBounds(activation);
    const idle = type.dtype === 'i8' ? saturates(type, activation) : activation === 'none';
    const bound = (value: number) => (Number.isFinite(value) ? this.constant('f32', [], [value]) : '');
    const isLast = type.dtype === 'f32';
    const last = isLast ? output : undefined;
    const clamped = idle
      ? x
      : activation === 'relu'
        ? this.node('Relu', [x], {}, last)
        : this.node('Clip', [x, bound(low), bound(high)], {}, last);
    if (!isLast) this.node('QuantizeLinear', [clamped, ...this.quantization(output)], {}, output);
    else if (idle) this.node('Identity', [x], {}, output);
  }

  /** Constant weights as float32, their dimensions in another order; the channels come first. */
  weights(name: ValueName, order: readonly number[]): string {
    const { shape, dtype, quant } = this.type(name);
    const data = this.graph.constants.get(name)?.data;
    if (data === undefined) throw new Error(`%${name}: weights that are not constant have no conversion`);
    const values = order.length === 4 ? transposed(data, shape, order) : Array.from(data as Float32Array);
    const extents = order.map((axis) => shape[axis] as number);
    if (dtype === 'f32') return this.constant('f32', extents, values);
    if (quant.kind !== 'affine') throw new Error(`%${name}: weights without a scale have no conversion`);
    const channels = extents[0] as number;
    const scale = Array.from({ length: channels }, (_, c) => quant.scale[quant.scale.length === 1 ? 0 : c] as number);
    const inputs = [
      this.constant('i8', extents, values),
      this.constant('f32', [channels], scale),
      this.constant(
        'i8',
        [channels],
        scale.map(() => 0),
      ),
    ];
    return this.node('DequantizeLinear', inputs, { axis: 0 });
  }

  bias(name: ValueName | undefined): string[] {
    if (name === undefined) return [];
    const { dtype, quant } = this.type(name);
    const values = Array.from(this.graph.constants.get(name)?.data as Int32Array);
    if (dtype === 'f32') return [this.constant('f32', [values.length], values)];
    if (quant.kind !== 'affine') throw new Error(`%${name}: a bias without a scale has no conversion`);
    const scale = values.map((_, c) => quant.scale[quant.scale.length === 1 ? 0 : c] as number);
    const inputs = [
      this.constant('i32', [values.length], values),
      this.constant('f32', [values.length], scale),
      this.constant(
        'i32',
        [values.length],
        values.map(() => 0),
      ),
    ];
    return [this.node('DequantizeLinear', inputs, { axis: 0 })];
  }
}

/** Whether the limits of the stored type do what the activation says. */
function saturates(type: TensorType, activation: Activation): boolean {
  if (type.quant.kind !== 'affine') return activation === 'none';
  const [low, high] = quantizedActivationRange(activation, type as Parameters<typeof quantizedActivationRange>[1]);
  return low === -128 && high === 127;
}

function windowAttributes({ stride, padding }: Pick<ConvAttrs, 'stride' | 'padding'>): Record<string, OnnxAttribute> {
  return { strides: stride, pads: [padding.top, padding.left, padding.bottom, padding.right] };
}

function addConvolution(to: Converter, node: Node, isDepthwise: boolean): void {
  const [x, w, bias] = node.inputs as [ValueName, ValueName, ValueName | undefined];
  const attrs = node.attrs as ConvAttrs;
  const shape = to.type(w).shape as [number, number, number, number];
  const channels = to.type(x).shape[3] as number;
  const attributes = {
    ...windowAttributes(attrs),
    dilations: attrs.dilation,
    kernel_shape: [shape[1], shape[2]],
    group: isDepthwise ? channels : channels / shape[3],
  };
  // OHWI and 1HWO become OIHW.
  const weights = to.weights(w, isDepthwise ? [3, 0, 1, 2] : [0, 3, 1, 2]);
  const y = to.node('Conv', [to.real(x), weights, ...to.bias(bias)], attributes);
  to.finish(y, node.outputs[0] as ValueName, attrs.activation);
}

function addPool(to: Converter, node: Node, op: string): void {
  const attrs = node.attrs as PoolAttrs;
  const dilations = attrs.dilation === undefined ? {} : { dilations: attrs.dilation };
  const attributes = { ...windowAttributes(attrs), ...dilations, kernel_shape: attrs.window };
  const y = to.node(op, [to.real(node.inputs[0] as ValueName)], attributes);
  to.finish(y, node.outputs[0] as ValueName, attrs.activation);
}

/** Images are taken back to NHWC, unless they have one pixel. */
function addReshape(to: Converter, node: Node): void {
  const [x, y] = [node.inputs[0] as ValueName, node.outputs[0] as ValueName];
  const [from, shape] = [to.type(x).shape, to.type(y).shape];
  const hasPixels = (extents: readonly number[]) =>
    extents.length === 4 && (extents[1] as number) * (extents[2] as number) > 1;
  const rows = hasPixels(from) ? to.node('Transpose', [x], { perm: [0, 2, 3, 1] }) : x;
  if (!hasPixels(shape)) {
    to.node('Reshape', [rows, to.constant('i64', [shape.length], nchw(shape))], {}, y);
    return;
  }
  const image = to.node('Reshape', [rows, to.constant('i64', [4], shape)]);
  to.node('Transpose', [image], { perm: [0, 3, 1, 2] }, y);
}

/** Axes of NHWC as those of NCHW. */
const AXES = [0, 2, 3, 1];

const CONVERSIONS: { readonly [K in OpName]?: (to: Converter, node: Node) => void } = {
  conv2d: (to, node) => addConvolution(to, node, false),
  depthwise_conv2d: (to, node) => addConvolution(to, node, true),
  average_pool2d: (to, node) => addPool(to, node, 'AveragePool'),
  max_pool2d: (to, node) => addPool(to, node, 'MaxPool'),
  fully_connected(to, node) {
    const [x, w, bias] = node.inputs as [ValueName, ValueName, ValueName | undefined];
    const sum = to.node('Gemm', [to.real(x), to.weights(w, [0, 1]), ...to.bias(bias)], { transB: 1 });
    to.finish(sum, node.outputs[0] as ValueName, (node.attrs as FullyConnectedAttrs).activation);
  },
  add(to, node) {
    const [a, b] = node.inputs as [ValueName, ValueName];
    const { activation } = node.attrs as { readonly activation: Activation };
    to.finish(to.node('Add', [to.real(a), to.real(b)]), node.outputs[0] as ValueName, activation);
  },
  mean(to, node) {
    const x = node.inputs[0] as ValueName;
    const { axes, keepDims } = node.attrs as ReduceAttrs;
    const isImage = to.type(x).shape.length === 4;
    const attributes = { axes: isImage ? axes.map((axis) => AXES[axis] as number) : axes, keepdims: keepDims ? 1 : 0 };
    to.finish(to.node('ReduceMean', [to.real(x)], attributes), node.outputs[0] as ValueName);
  },
  softmax(to, node) {
    to.finish(to.node('Softmax', [to.real(node.inputs[0] as ValueName)], { axis: -1 }), node.outputs[0] as ValueName);
  },
  reshape: addReshape,
};

function addNode(to: Converter, node: Node): void {
  const convert = CONVERSIONS[node.op];
  if (convert === undefined) throw new Error(`${node.op} has no conversion to ONNX`);
  convert(to, node);
}

/** @throws Error when an operator or a constant has no conversion */
export function onnxOf(graph: Graph): Uint8Array {
  const to = new Converter(graph);
  for (const node of graph.nodes) addNode(to, node);
  const { constants, nodes } = to;
  const ports = (names: readonly ValueName[]) => names.map((name) => to.port(name));
  return writeOnnx({ inputs: ports(graph.inputs), outputs: ports(graph.outputs), constants, nodes });
}

/** What the converted model answers as the model itself would: int8 again. Results are rows, whose order is the same. */
export function onnxOutput(type: TensorType, values: readonly number[]): readonly number[] {
  return type.dtype === 'f32' ? values : values.map((x) => x - 128);
}

/** An input as the converted model takes it: images in NCHW, int8 as uint8. */
export function onnxInput(type: TensorType, data: TensorData): { shape: number[]; data: TensorData } {
  const values =
    type.shape.length === 4 ? transposed(data, type.shape, [0, 3, 1, 2]) : Array.from(data as Float32Array);
  const shape = nchw(type.shape);
  return type.dtype === 'f32'
    ? { shape, data: Float32Array.from(values) }
    : { shape, data: Uint8Array.from(values, (x) => x + 128) };
}
