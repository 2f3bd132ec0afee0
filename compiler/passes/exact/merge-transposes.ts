import { z } from 'zod';
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { definePass, type Facts } from '../pass.ts';

type Transpose = Node<'transpose'>;

function transposeOf(facts: Facts, value: ValueName): Transpose | undefined {
  const producer = facts.producers.get(value);
  return producer?.op === 'transpose' ? producer : undefined;
}

/** Whether only axes of extent 1 change places, which moves no element. */
function isReshape(graph: Graph, node: Transpose): boolean {
  const { shape } = typeOfValue(graph, node.inputs[0]);
  const moved = node.attrs.permutation.filter((axis) => shape[axis] !== 1);
  return moved.every((axis, i) => i === 0 || axis > moved[i - 1]);
}

export const mergeTransposes = definePass({
  name: 'exact/merge-transposes',
  doc: 'transpose(transpose(x)) → transpose(x), always; transpose(x) → reshape(x), when only axes of extent 1 change places.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'transpose-of-transpose',
      at: 'node',
      on: ['transpose'],
      when: ({ facts, node }) =>
        transposeOf(facts, node.inputs[0]) !== undefined || `%${node.inputs[0]} is not a transpose`,
      rewrite({ graph, facts, node }) {
        const outer = node as Transpose;
        const inner = transposeOf(facts, node.inputs[0]) as Transpose;
        const permutation = outer.attrs.permutation.map((axis) => inner.attrs.permutation[axis]);
        const [y] = node.outputs as [ValueName];
        const merged: Transpose = { ...outer, inputs: inner.inputs, attrs: { permutation } };
        return { swap: new Map([[node, merged]]), add: { types: new Map([[y, typeOfValue(graph, y)]]) } };
      },
    },
    {
      name: 'no-move',
      at: 'node',
      on: ['transpose'],
      when: ({ graph, node }) => isReshape(graph, node as Transpose) || 'elements change places',
      rewrite({ graph, node }) {
        const [y] = node.outputs as [ValueName];
        const type = typeOfValue(graph, y);
        const reshape: Node = {
          op: 'reshape',
          inputs: node.inputs,
          outputs: node.outputs,
          attrs: { shape: [...type.shape] },
        };
        return { swap: new Map([[node, reshape]]), add: { types: new Map([[y, type]]) } };
      },
    },
  ],
});
