import { z } from 'zod';
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { opRecord } from '../../../ir/tensor/ops/index.ts';
import { definePass, type Facts, type NodeSite } from '../pass.ts';

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

/** The transpose that this node reads and may change places with, or why it stays. */
function passable({ graph, facts, node }: NodeSite): Transpose | string {
  if (opRecord(node.op).traits.elementwise !== true || node.inputs.length !== 1)
    return 'it is no function of one element';
  const before = transposeOf(facts, node.inputs[0]);
  if (before === undefined) return `%${node.inputs[0]} is not a transpose`;
  if (facts.isKept(node.inputs[0]) || facts.consumers.get(node.inputs[0])?.length !== 1)
    return 'others read the transpose';
  if (transposeOf(facts, before.inputs[0]) !== undefined) return 'two transposes before it become one first';
  const [y] = node.outputs;
  if (facts.isKept(y) || facts.consumers.get(y)?.every(({ op }) => op === 'transpose') !== true) {
    return `not only transposes read %${y}`;
  }
  const types = [node.inputs[0], y].map((value) => typeOfValue(graph, value));
  return types.some(({ quant }) => 'axis' in quant && quant.axis !== undefined)
    ? 'its scales lie along an axis'
    : before;
}

export const mergeTransposes = definePass({
  name: 'exact/merge-transposes',
  doc:
    'transpose(transpose(x)) → transpose(x), always; transpose(x) → reshape(x), when only axes of extent 1 change places; ' +
    'f(transpose(x)) → transpose(f(x)), when f takes one element and only transposes read the result.',
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
    {
      name: 'through-element',
      at: 'node',
      when(site) {
        const found = passable(site);
        return typeof found === 'string' ? found : true;
      },
      rewrite(site) {
        const { graph, node } = site;
        const before = passable(site) as Transpose;
        const [x] = before.inputs as [ValueName];
        const [middle] = before.outputs as [ValueName];
        const [y] = node.outputs as [ValueName];
        const type = typeOfValue(graph, y);
        return {
          drop: { nodes: [before, node] },
          add: {
            types: new Map([
              [middle, { ...type, shape: typeOfValue(graph, x).shape }],
              [y, type],
            ]),
            nodes: [{ ...node, inputs: [x], outputs: [middle] } as Node, { ...before, inputs: [middle], outputs: [y] }],
          },
        };
      },
    },
  ],
});
