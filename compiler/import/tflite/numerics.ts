/**
 * The numerics profile of a model: whose integer arithmetic its nodes have.
 *
 * `tflm` is what the importer makes: tflite-micro's reference kernels and CMSIS-NN, which agree. `litert` is what LiteRT
 * answers in Python and in a page, where XNNPACK takes the operators that its delegate accepts (tflite/delegates/xnnpack of
 * LiteRT 2.1, XNNPACK of August 2026) and LiteRT's own kernels, whose integers are tflite-micro's, do the rest.
 */
import type { Graph, Node } from '../../../ir/tensor/graph.ts';
import { inputTypes, outputTypes } from '../../../ir/tensor/graph.ts';
import { convFactors } from '../../../ir/tensor/ops/conv.ts';
import { isByteScale } from '../../../ir/tensor/ops/litert.ts';
import { affineOf, type TensorType } from '../../../ir/tensor/types.ts';

export const NUMERICS = ['tflm', 'litert'] as const;
export type Numerics = (typeof NUMERICS)[number];

const { fround } = Math;

/** The graph with every node's arithmetic that of the profile. */
export function withNumerics(graph: Graph, numerics: Numerics): Graph {
  if (numerics === 'tflm') return graph;
  return { ...graph, nodes: graph.nodes.map((node) => litertNode(graph, node)) };
}

function litertNode(graph: Graph, node: Node): Node {
  const inputs = inputTypes(graph, node);
  const [y] = outputTypes(graph, node) as [TensorType];
  switch (node.op) {
    case 'conv2d':
    case 'depthwise_conv2d':
      // Without a bias LiteRT keeps its own kernel.
      return node.inputs.length === 3 && isProduct(graph, node, inputs, y) ? withFloatRounding(node) : node;
    case 'transpose_conv2d':
    case 'fully_connected':
      return isProduct(graph, node, inputs, y) ? withFloatRounding(node) : node;
    case 'add':
    case 'sub':
      return isSum(inputs, y) ? { ...node, attrs: { ...node.attrs, numerics: 'litert' } } : node;
    case 'mul':
      return isByte(y) && isWithin(productRatio(inputs, y), -16)
        ? { ...node, attrs: { ...node.attrs, numerics: 'litert' } }
        : node;
    case 'requantize':
      return isSameByte(inputs, y) && isByteScale(inputs[0] as TensorType, y)
        ? { ...node, attrs: { ...node.attrs, numerics: 'litert' } }
        : node;
    case 'leaky_relu':
      return isSameByte(inputs, y) && isByteScale(inputs[0] as TensorType, y, node.attrs.alpha)
        ? { ...node, attrs: { ...node.attrs, numerics: 'litert' } }
        : node;
    case 'quantize':
      return isByte(y) ? { ...node, attrs: { ...node.attrs, numerics: 'litert' } } : node;
    case 'sum':
    case 'mean':
      return isSameByte(inputs, y) && node.attrs.axes.length > 0
        ? { ...node, attrs: { ...node.attrs, numerics: 'litert' } }
        : node;
    case 'resize_bilinear':
      return isByte(y) ? { ...node, attrs: { ...node.attrs, numerics: 'litert' } } : node;
    default:
      return node;
  }
}

/** The cast keeps an op together with its attributes, which spreading a union loses. */
function withFloatRounding(node: Extract<Node, { attrs: { rounding: unknown } }>): Node {
  return { ...node, attrs: { ...node.attrs, rounding: 'float' } } as Node;
}

function isByte({ dtype, quant }: TensorType): boolean {
  return (dtype === 'i8' || dtype === 'u8') && quant.kind === 'affine';
}

function isSameByte([x]: readonly TensorType[], y: TensorType): boolean {
  return isByte(y) && x?.dtype === y.dtype;
}

/** In [2^least, 2^8), what XNNPACK's operators of two operands take. */
function isWithin(ratio: number, least: number): boolean {
  return ratio >= 2 ** least && ratio < 256;
}

function productRatio(inputs: readonly TensorType[], y: TensorType): number {
  const [left, right] = inputs.map((type) => affineOf(type).scale) as [number, number];
  return fround(fround(left * right) / affineOf(y).scale);
}

function isSum(inputs: readonly TensorType[], y: TensorType): boolean {
  return isByte(y) && inputs.every((type) => isWithin(fround(affineOf(type).scale / affineOf(y).scale), -10));
}

/** Products of bytes with constant weights, symmetric int8 or any uint8, with factors under 256. */
function isProduct(graph: Graph, node: Node, [x, w]: readonly TensorType[], y: TensorType): boolean {
  if (node.inputs.slice(1).some((name) => !graph.constants.has(name))) return false;
  if (x === undefined || w === undefined || !isByte(x) || !isByte(y) || w.dtype !== x.dtype) return false;
  if (w.quant.kind !== 'affine' || (w.dtype === 'i8' && w.quant.zeroPoint.some((zero) => zero !== 0))) return false;
  return convFactors(x, w, y, 'float').every((factor) => factor < 256);
}
