/**
 * Layers with weights, as matrices: each output channel is a row of weights times a column of inputs. Methods that look at
 * weights or at what they are multiplied with see every such op in this form.
 */
import { type Graph, type Node, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { convGeometry, insideTaps } from '../../ir/tensor/ops/conv.ts';
import type { TensorData } from '../../ir/tensor/types.ts';

export type LayerOp = 'conv2d' | 'depthwise_conv2d' | 'transpose_conv2d' | 'fully_connected';
export type LayerNode = Node<LayerOp>;

/** A layer whose weights, and bias where it has one, are constants. */
export interface Layer {
  readonly node: LayerNode;
  /** The value that the layer makes, by which users name it. */
  readonly name: ValueName;
  readonly input: ValueName;
  readonly weights: ValueName;
  readonly bias: ValueName | undefined;
  /** The axis of the weights along which output channels lie. */
  readonly axis: number;
  /** Output channels. */
  readonly rows: number;
  /** Weights of each. */
  readonly depth: number;
  /** Output channels per group; each group has inputs of its own. One group holds all rows of dense layers. */
  readonly rowsPerGroup: number;
}

const LAYER_OPS: readonly string[] = ['conv2d', 'depthwise_conv2d', 'transpose_conv2d', 'fully_connected'];

/** The node as a layer, or why it is none. */
export function layerOf(graph: Graph, node: Node): Layer | string {
  if (!LAYER_OPS.includes(node.op)) return 'is no layer with weights';
  const [input, weights, bias] = node.inputs;
  for (const operand of [weights, bias]) {
    if (operand !== undefined && !graph.constants.has(operand)) return `its operand %${operand} is no constant`;
  }
  const { shape } = typeOfValue(graph, weights);
  const isDepthwise = node.op === 'depthwise_conv2d';
  const axis = isDepthwise ? 3 : 0;
  const rows = shape[axis];
  const depth = shape.reduce((count, extent) => count * extent, 1) / rows;
  return {
    node: node as LayerNode,
    name: node.outputs[0],
    input,
    weights,
    bias,
    axis,
    rows,
    depth,
    rowsPerGroup: rowsPerGroup(graph, node as LayerNode, rows),
  };
}

function rowsPerGroup(graph: Graph, node: LayerNode, rows: number): number {
  const channels = typeOfValue(graph, node.inputs[0]).shape.at(-1) as number;
  if (node.op === 'depthwise_conv2d') return rows / channels;
  if (node.op === 'conv2d') return rows / (channels / (typeOfValue(graph, node.inputs[1]).shape[3] as number));
  return rows;
}

export function layersOf(graph: Graph): Layer[] {
  return graph.nodes.flatMap((node) => {
    const layer = layerOf(graph, node);
    return typeof layer === 'string' ? [] : [layer];
  });
}

/** Where weight i of a row lies in the constant. */
export function weightPlace({ axis, rows, depth }: Layer, row: number, i: number): number {
  return axis === 0 ? row * depth + i : i * rows + row;
}

/** Numbers of a constant of rows, as [rows, depth]. */
export function rowsOf(layer: Layer, data: ArrayLike<number>): Float64Array {
  const matrix = new Float64Array(layer.rows * layer.depth);
  for (let row = 0; row < layer.rows; row++) {
    for (let i = 0; i < layer.depth; i++) matrix[row * layer.depth + i] = data[weightPlace(layer, row, i)];
  }
  return matrix;
}

/** The inverse of `rowsOf`, into `data`. */
export function setRows(layer: Layer, data: TensorData, matrix: ArrayLike<number>): void {
  for (let row = 0; row < layer.rows; row++) {
    for (let i = 0; i < layer.depth; i++) data[weightPlace(layer, row, i)] = matrix[row * layer.depth + i];
  }
}

/** One input column of a group: its length is the layer's depth; it is overwritten by the next. */
export type ColumnVisitor = (column: Float64Array, group: number) => void;

/** The positions at which a layer multiplies: one per output pixel or row, of each batch. */
export function positionsOf(graph: Graph, layer: Layer): number {
  const { shape } = typeOfValue(graph, layer.name);
  return shape.reduce((count, extent) => count * extent, 1) / layer.rows;
}

/** Whether `forEachColumn` knows the layer: transposed convolutions scatter what they multiply. */
export function hasColumns(layer: Layer): boolean {
  return layer.node.op !== 'transpose_conv2d';
}

/**
 * The columns that the layer multiplies at the given positions, taps outside the image as 0. `values` are the real numbers
 * of its input.
 */
export function forEachColumn(
  graph: Graph,
  layer: Layer,
  values: ArrayLike<number>,
  positions: Iterable<number>,
  visit: ColumnVisitor,
): void {
  const { node, depth } = layer;
  if (node.op === 'fully_connected') {
    const column = new Float64Array(depth);
    for (const position of positions) {
      for (let i = 0; i < depth; i++) column[i] = values[position * depth + i];
      visit(column, 0);
    }
    return;
  }
  if (node.op === 'transpose_conv2d') throw new TypeError('transposed convolutions have no columns');
  const [x, w, y] = [layer.input, layer.weights, layer.name].map((name) => typeOfValue(graph, name));
  const g = convGeometry(x, w, y, node.attrs);
  const groups = layer.rows / layer.rowsPerGroup;
  const perGroup = g.input.channels / groups;
  const column = new Float64Array(depth);
  for (const position of positions) {
    const pixel = position % (g.output.height * g.output.width);
    const image = Math.floor(position / (g.output.height * g.output.width));
    const start = image * g.input.height * g.input.width * g.input.channels;
    const taps = insideTaps(g, Math.floor(pixel / g.output.width), pixel % g.output.width);
    for (let group = 0; group < groups; group++) {
      column.fill(0);
      for (const { pixel: at, tap } of taps) {
        const from = start + at * g.input.channels + group * perGroup;
        for (let c = 0; c < perGroup; c++) column[tap * perGroup + c] = values[from + c];
      }
      visit(column, group);
    }
  }
}
