import { z } from 'zod';
import { type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { sameShape } from '../../../ir/tensor/types.ts';
import { definePass } from '../pass.ts';

export const mergeReshapes = definePass({
  name: 'exact/merge-reshapes',
  doc: 'reshape(reshape(x)) → reshape(x), always; reshape(x) → x, when the shape stays and the result is not an output.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'reshape-of-reshape',
      at: 'node',
      on: ['reshape'],
      when({ facts, node }) {
        const [x] = node.inputs as [ValueName];
        return facts.producers.get(x)?.op === 'reshape' || `%${x} is not a reshape`;
      },
      rewrite({ graph, facts, node }) {
        const [x] = node.inputs as [ValueName];
        const [y] = node.outputs as [ValueName];
        const inner = facts.producers.get(x) as Node;
        return {
          drop: { nodes: [node] },
          add: {
            types: new Map([[y, typeOfValue(graph, y)]]),
            nodes: [{ ...node, inputs: inner.inputs } as Node],
          },
        };
      },
    },
    {
      name: 'same-shape',
      at: 'node',
      on: ['reshape'],
      when({ graph, facts, node }) {
        const [x] = node.inputs as [ValueName];
        const [y] = node.outputs as [ValueName];
        if (!sameShape(typeOfValue(graph, x).shape, typeOfValue(graph, y).shape)) return 'the shape changes';
        return facts.isOutput(y) ? `%${y} is an output` : true;
      },
      rewrite({ node }) {
        const [x] = node.inputs as [ValueName];
        const [y] = node.outputs as [ValueName];
        return { drop: { nodes: [node] }, replace: new Map([[y, x]]) };
      },
    },
  ],
});
