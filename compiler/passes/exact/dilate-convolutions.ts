import { z } from 'zod';
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import type { Padding } from '../../../ir/tensor/ops/shared.ts';
import { definePass, type Facts, type NodeSite } from '../pass.ts';
import { isSilentAtZero } from './fold-padding.ts';

type Convolution = Node<'conv2d' | 'depthwise_conv2d'>;

interface Sandwich {
  readonly spread: Node<'space_to_batch'>;
  readonly conv: Convolution;
  readonly gather: Node<'batch_to_space'>;
}

function onlyReads(facts: Facts, value: ValueName): boolean {
  return !facts.isKept(value) && facts.consumers.get(value)?.length === 1;
}

function sandwichOf({ facts, node }: NodeSite): Sandwich | string {
  const gather = node as Node<'batch_to_space'>;
  const conv = facts.producers.get(gather.inputs[0]);
  if (conv?.op !== 'conv2d' && conv?.op !== 'depthwise_conv2d') return `%${gather.inputs[0]} is not a convolution`;
  const spread = facts.producers.get(conv.inputs[0]);
  if (spread?.op !== 'space_to_batch') return `%${conv.inputs[0]} is not cut into batches`;
  if (!onlyReads(facts, conv.outputs[0]) || !onlyReads(facts, spread.outputs[0])) return 'others read the batches';
  if (String(spread.attrs.block) !== String(gather.attrs.block)) return 'the blocks differ';
  if (gather.attrs.block.length > 2) return 'more than rows and columns are cut';
  return { spread, conv, gather };
}

/** Margin or block of rows and columns; blocks of rows alone leave columns as they are. */
function pairOf<T>(list: readonly T[], rest: T): readonly [T, T] {
  return [list[0], list[1] ?? rest];
}

/**
 * Place q of the padded image is place q div b of batch q mod b. So tap k of a window, `dilation` places apart there, is
 * `b * dilation` apart in the image, and the first tap of result j is at j + cropped - padded - b * padding.
 */
function dilated(graph: Graph, { spread, conv, gather }: Sandwich): Convolution | string {
  const { attrs } = conv;
  if (attrs.stride[0] !== 1 || attrs.stride[1] !== 1) return 'the convolution strides';
  if (!isSilentAtZero(graph, conv)) return 'zero times its weights may be NaN';
  const blocks = pairOf(spread.attrs.block, 1);
  const margins = pairOf(spread.attrs.margins, [0, 0]);
  const crops = pairOf(gather.attrs.margins, [0, 0]);
  const x = typeOfValue(graph, spread.inputs[0]);
  const w = typeOfValue(graph, conv.inputs[1]);
  const y = typeOfValue(graph, gather.outputs[0]);
  const inner = [attrs.padding.top, attrs.padding.left];
  const sides = ([0, 1] as const).map((axis) => {
    const dilation = attrs.dilation[axis] * blocks[axis];
    const before = margins[axis][0] - crops[axis][0] + inner[axis] * blocks[axis];
    const after = y.shape[axis + 1] - x.shape[axis + 1] - before + (w.shape[axis + 1] - 1) * dilation;
    return { dilation, before, after };
  });
  if (sides.some(({ before, after }) => before < 0 || after < 0)) return 'the crops cut into the image';
  const [rows, columns] = sides;
  const padding: Padding = { top: rows.before, bottom: rows.after, left: columns.before, right: columns.after };
  return {
    ...conv,
    inputs: [spread.inputs[0], ...conv.inputs.slice(1)],
    outputs: gather.outputs,
    attrs: { ...attrs, dilation: [rows.dilation, columns.dilation], padding },
  } as Convolution;
}

function answer(site: NodeSite): Convolution | string {
  const found = sandwichOf(site);
  return typeof found === 'string' ? found : dilated(site.graph, found);
}

export const dilateConvolutions = definePass({
  name: 'exact/dilate-convolutions',
  doc:
    'batch_to_space(conv(space_to_batch(x))) → conv(x) with dilation, when the blocks are the same, the convolution does ' +
    'not stride, and nothing of the image is cropped.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'dilate',
      at: 'node',
      on: ['batch_to_space'],
      when(site) {
        const found = answer(site);
        return typeof found === 'string' ? found : true;
      },
      rewrite(site) {
        const { spread, conv, gather } = sandwichOf(site) as Sandwich;
        const [y] = gather.outputs as [ValueName];
        return {
          drop: { nodes: [spread, conv] },
          swap: new Map([[gather, answer(site) as Convolution]]),
          add: { types: new Map([[y, typeOfValue(site.graph, y)]]) },
        };
      },
    },
  ],
});
