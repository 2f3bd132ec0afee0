import { z } from 'zod';
import { type Constant, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { DENSE, elementCount, type TensorData, type TensorType } from '../../../ir/tensor/types.ts';
import { freeName } from '../names.ts';
import { definePass, type NodeSite, type Patch } from '../pass.ts';
import { permutedData } from './layout/permutation.ts';

type Product = Node<'batch_matmul'>;

function fault({ graph, node }: NodeSite): string | undefined {
  const { attrs, inputs } = node as Product;
  const [a, b] = inputs.map((name) => typeOfValue(graph, name));
  const weights = graph.constants.get(inputs[1]);
  if (a.dtype !== 'f32') return 'it is not of f32';
  if (weights === undefined) return `%${inputs[1]} is not a constant`;
  if (weights.encoding.kind !== 'dense' && !attrs.transposeB) return `the encoding of %${inputs[1]} would be lost`;
  if (elementCount(b.shape.slice(0, -2)) !== 1) return `%${inputs[1]} has more than one matrix`;
  if (weights.encoding.kind !== 'dense' && b.shape.length > 2) return `the encoding of %${inputs[1]} would be lost`;
  return attrs.transposeA ? 'rows are read across' : undefined;
}

/** The matrix with one row per column of the result. */
function rowsOf(type: TensorType, data: TensorData, isTransposed: boolean): [TensorType, TensorData] {
  const [first, second] = type.shape.slice(-2);
  const matrix = { ...type, shape: [first, second] };
  if (isTransposed) return [matrix, data];
  return [{ ...type, shape: [second, first] }, permutedData(matrix, data, [1, 0])];
}

function connected({ graph, node }: NodeSite): Patch {
  const { attrs, inputs, outputs } = node as Product;
  const [x, w] = inputs;
  const [y] = outputs;
  const old = graph.constants.get(w) as Constant;
  const type = typeOfValue(graph, y);
  const types = new Map([[y, type]]);
  const constants = new Map<ValueName, Constant>();
  let weights = w;
  if (!attrs.transposeB || typeOfValue(graph, w).shape.length > 2) {
    const [shape, data] = rowsOf(typeOfValue(graph, w), old.data, attrs.transposeB);
    weights = freeName(graph.types, `${w}_rows`);
    types.set(weights, shape);
    constants.set(weights, { data, encoding: DENSE });
  }
  const units = type.shape.at(-1) as number;
  const rows = freeName(graph.types, `${y}_rows`);
  const isMatrix = type.shape.length === 2;
  const result = isMatrix ? y : rows;
  const layer: Node<'fully_connected'> = {
    op: 'fully_connected',
    inputs: [x, weights],
    outputs: [result],
    attrs: { activation: 'none', rounding: attrs.rounding, accumulator: 'i32' },
  };
  types.set(result, { ...type, shape: [elementCount(type.shape) / units, units] });
  const reshape: Node = { op: 'reshape', inputs: [rows], outputs: [y], attrs: { shape: [...type.shape] } };
  return { drop: { nodes: [node] }, add: { types, constants, nodes: isMatrix ? [layer] : [layer, reshape] } };
}

export const connectWeights = definePass({
  name: 'exact/connect-weights',
  doc: 'batch_matmul(x, w) → fully_connected(x, transposed w), when w is one constant matrix of f32 and the rows of x lie in order.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'connect',
      at: 'node',
      on: ['batch_matmul'],
      when: (site) => fault(site) ?? true,
      rewrite: connected,
    },
  ],
});
