import { z } from 'zod';
import { typeOfValue } from '../../../ir/tensor/graph.ts';
import { definePass } from '../pass.ts';

export const orderClamps = definePass({
  name: 'import/order-clamps',
  doc:
    'minimum(x, c) → minimum(c, x), maximum(x, c) → maximum(c, x), when c is a constant of f32: NaN is passed on then, as clamps ' +
    'of layers do, and a zero keeps its sign.',
  kind: 'defining',
  options: z.strictObject({}),
  rules: [
    {
      name: 'order',
      at: 'node',
      on: ['minimum', 'maximum'],
      when({ graph, node }) {
        const [x, c] = node.inputs;
        if (typeOfValue(graph, x).dtype !== 'f32') return 'it is not of f32';
        const constant = graph.constants.get(c);
        if (constant === undefined) return `%${c} is not a constant`;
        if (!constant.data.every((value: number | bigint) => !Number.isNaN(value))) return `%${c} has NaN`;
        return graph.constants.has(x) ? `%${x} is a constant too` : true;
      },
      rewrite({ graph, node }) {
        const [y] = node.outputs;
        return {
          swap: new Map([[node, { ...node, inputs: node.inputs.toReversed() }]]),
          add: { types: new Map([[y, typeOfValue(graph, y)]]) },
        };
      },
    },
  ],
});
