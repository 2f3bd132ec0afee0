import { z } from 'zod';
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { storedZero } from '../../../ir/tensor/ops/places.ts';
import { emptyWindowFault } from '../../../ir/tensor/ops/pool.ts';
import type { Padding } from '../../../ir/tensor/ops/shared.ts';
import { integerRange, isFloat } from '../../../ir/tensor/types.ts';
import { definePass, type NodeSite } from '../pass.ts';

type Windowed = Node<'conv2d' | 'depthwise_conv2d' | 'max_pool2d'>;

/** The pad that the window operation reads, if there is one. */
function padOf({ facts, node }: NodeSite): Node<'pad'> | undefined {
  const producer = facts.producers.get(node.inputs[0]);
  return producer?.op === 'pad' ? producer : undefined;
}

/** What the margins are filled with; undefined when it is not a constant. */
function fillingOf(graph: Graph, pad: Node<'pad'>): number | undefined {
  if (pad.inputs.length === 1) return Number(storedZero(typeOfValue(graph, pad.inputs[0])));
  const constant = graph.constants.get(pad.inputs[1]);
  return constant === undefined ? undefined : Number(constant.data[0]);
}

/** Whether zeros times the node's weights add nothing: in floats they do when weights are infinite, NaN, or unknown. */
export function isSilentAtZero(graph: Graph, node: Node): boolean {
  const type = typeOfValue(graph, node.inputs[1]);
  if (!isFloat(type.dtype)) return true;
  return graph.constants.get(node.inputs[1])?.data.every((value: number | bigint) => Number.isFinite(value)) ?? false;
}

function marginFault(graph: Graph, node: Windowed, pad: Node<'pad'>): string | undefined {
  const { before, after } = pad.attrs;
  if ([0, 3].some((axis) => before[axis] !== 0 || after[axis] !== 0)) return 'batches or channels are padded';
  const type = typeOfValue(graph, pad.inputs[0]);
  const filling = fillingOf(graph, pad);
  if (filling === undefined) return 'the margins are no constant';
  if (node.op === 'max_pool2d') {
    if (isFloat(type.dtype) || filling !== integerRange(type.dtype)[0]) return 'the margins may be the maximum';
    const padding = paddingWith(node, pad);
    const isEmpty = emptyWindowFault(type, { ...node.attrs, padding }) !== undefined;
    return isEmpty ? 'some windows see margins only' : undefined;
  }
  if (filling !== Number(storedZero(type))) return `the margins are ${filling}, not zero`;
  return isSilentAtZero(graph, node) ? undefined : 'zero times its weights may be NaN';
}

function paddingWith({ attrs: { padding } }: Windowed, { attrs: { before, after } }: Node<'pad'>): Padding {
  return {
    top: padding.top + before[1],
    bottom: padding.bottom + after[1],
    left: padding.left + before[2],
    right: padding.right + after[2],
  };
}

export const foldPadding = definePass({
  name: 'exact/fold-padding',
  doc:
    'conv(pad(x)) → conv(x) with more padding, when the margins are zeros, which add nothing; max_pool(pad(x)) → max_pool(x), ' +
    'when the margins are the lowest integer and no window is all margin.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'fold',
      at: 'node',
      on: ['conv2d', 'depthwise_conv2d', 'max_pool2d'],
      when(site) {
        const pad = padOf(site);
        if (pad === undefined) return `%${site.node.inputs[0]} is not a pad`;
        return marginFault(site.graph, site.node as Windowed, pad) ?? true;
      },
      rewrite(site) {
        const node = site.node as Windowed;
        const pad = padOf(site) as Node<'pad'>;
        const [y] = node.outputs as [ValueName];
        const inputs = [pad.inputs[0], ...node.inputs.slice(1)];
        const folded = { ...node, inputs, attrs: { ...node.attrs, padding: paddingWith(node, pad) } } as Node;
        return { swap: new Map([[site.node, folded]]), add: { types: new Map([[y, typeOfValue(site.graph, y)]]) } };
      },
    },
  ],
});
