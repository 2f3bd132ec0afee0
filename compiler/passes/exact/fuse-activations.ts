import { z } from 'zod';
import { type Activation, clampInt, quantizedActivationRange } from '../../../ir/tensor/fixed-point.ts';
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import type { OpName } from '../../../ir/tensor/ops/index.ts';
import { sameType, type TensorType } from '../../../ir/tensor/types.ts';
import { definePass, type NodeSite } from '../pass.ts';
import { isByte, unaryTable } from './unary-table.ts';

type Relu = 'relu' | 'relu6' | 'relu_n1_to_1';
/** Ops that end in a clamp of their own. */
const CLAMPING: ReadonlySet<OpName> = new Set([
  'conv2d',
  'depthwise_conv2d',
  'transpose_conv2d',
  'fully_connected',
  'add',
  'sub',
  'mul',
  'div',
  'average_pool2d',
  'max_pool2d',
]);

/** Whether the op clamps every stored value as the fused activation does: tried on all of them. */
function clampsAlike(graph: Graph, node: Node, type: TensorType): boolean {
  if (type.dtype === 'f32') return true;
  if (!isByte(type) || type.quant.kind !== 'affine' || type.quant.scale.length !== 1) return false;
  const [low, high] = quantizedActivationRange(
    node.op as Activation,
    type as TensorType & { quant: { kind: 'affine' } },
  );
  const first = type.dtype === 'i8' ? -128 : 0;
  return unaryTable(node, typeOfValue(graph, node.inputs[0]), type).every(
    (value: number | bigint, i: number) => value === clampInt(first + i, low, high),
  );
}

function fault({ graph, facts, node }: NodeSite): string | undefined {
  const [x] = node.inputs;
  const producer = facts.producers.get(x);
  if (producer === undefined || !CLAMPING.has(producer.op)) return `%${x} does not end in a clamp`;
  if ((producer.attrs as { activation: Activation }).activation !== 'none') return `%${x} has an activation already`;
  if (facts.isKept(x) || facts.consumers.get(x)?.length !== 1) return `%${x} is read elsewhere`;
  const type = typeOfValue(graph, x);
  if (!sameType(type, typeOfValue(graph, node.outputs[0]))) return 'the type changes';
  return clampsAlike(graph, node, type) ? undefined : 'the clamp of the stored values is not the fused one';
}

export const fuseActivations = definePass({
  name: 'exact/fuse-activations',
  doc: 'relu(op(x)) → op(x) with the activation, when the types are the same and both clamp every stored value alike.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'fuse',
      at: 'node',
      on: ['relu', 'relu6', 'relu_n1_to_1'] satisfies Relu[],
      when: (site) => fault(site) ?? true,
      rewrite({ graph, facts, node }) {
        const producer = facts.producers.get(node.inputs[0]) as Node;
        const [y] = node.outputs as [ValueName];
        const attrs = { ...producer.attrs, activation: node.op };
        return {
          drop: { nodes: [producer] },
          swap: new Map([[node, { ...producer, outputs: node.outputs, attrs } as Node]]),
          add: { types: new Map([[y, typeOfValue(graph, y)]]) },
        };
      },
    },
  ],
});
