import { z } from 'zod';
import { type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import type { OpName } from '../../../ir/tensor/ops/index.ts';
import { sameType, typeText } from '../../../ir/tensor/types.ts';
import { definePass, type NodeSite } from '../pass.ts';

/** Ops (besides reshape, which merge-reshapes looks after) that change nothing when operand 0 and the result have the same type, but for what `moves` knows. */
const ON: readonly OpName[] = [
  'transpose',
  'slice',
  'concat',
  'broadcast_to',
  'tile',
  'pad',
  'mirror_pad',
  'depth_to_space',
  'space_to_depth',
  'batch_to_space',
  'space_to_batch',
  'cast',
  'requantize',
];

function ends({ node }: NodeSite): readonly [x: ValueName, y: ValueName] {
  return [node.inputs[0] as ValueName, node.outputs[0] as ValueName];
}

/** Whether elements change places although the shape stays. Axes of extent 1 have only one place. */
function moves(node: Node, shape: readonly number[]): boolean {
  switch (node.op) {
    case 'transpose': {
      const order = node.attrs.permutation.filter((axis) => shape[axis] !== 1);
      return order.some((axis, i) => i > 0 && axis < (order[i - 1] as number));
    }
    case 'slice':
      return node.attrs.stride.some((stride, axis) => stride !== 1 && shape[axis] !== 1);
    default:
      return false;
  }
}

export const removeIdentity = definePass({
  name: 'exact/remove-identity',
  doc: 'op(x) → x, when no element changes its value or its place and the result is not an output.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'unmoved',
      at: 'node',
      on: ON,
      when(site) {
        const [x, y] = ends(site);
        const type = typeOfValue(site.graph, x);
        const result = typeOfValue(site.graph, y);
        if (!sameType(type, result)) return `${typeText(type)} becomes ${typeText(result)}`;
        if (moves(site.node, type.shape)) return 'elements change places';
        return site.facts.isOutput(y) ? `%${y} is an output` : true;
      },
      rewrite(site) {
        const [x, y] = ends(site);
        return { drop: { nodes: [site.node] }, replace: new Map([[y, x]]) };
      },
    },
  ],
});
