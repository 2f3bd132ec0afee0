import { z } from 'zod';
import { type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { sameShape } from '../../../ir/tensor/types.ts';
import { definePass, type NodeSite } from '../pass.ts';

/** Operand and result of a reshape. */
function ends({ node }: NodeSite): readonly [x: ValueName, y: ValueName] {
  return [node.inputs[0] as ValueName, node.outputs[0] as ValueName];
}

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
      when(site) {
        const [x] = ends(site);
        return site.facts.producers.get(x)?.op === 'reshape' || `%${x} is not a reshape`;
      },
      rewrite(site) {
        const [x, y] = ends(site);
        const inner = site.facts.producers.get(x) as Node;
        return {
          drop: { nodes: [site.node] },
          add: {
            types: new Map([[y, typeOfValue(site.graph, y)]]),
            nodes: [{ ...site.node, inputs: inner.inputs } as Node],
          },
        };
      },
    },
    {
      name: 'same-shape',
      at: 'node',
      on: ['reshape'],
      when(site) {
        const [x, y] = ends(site);
        if (!sameShape(typeOfValue(site.graph, x).shape, typeOfValue(site.graph, y).shape)) return 'the shape changes';
        return !site.facts.isOutput(y) || `%${y} is an output`;
      },
      rewrite(site) {
        const [x, y] = ends(site);
        return { drop: { nodes: [site.node] }, replace: new Map([[y, x]]) };
      },
    },
  ],
});
