import { z } from 'zod';
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import type { OpName } from '../../../ir/tensor/ops/index.ts';
import { sameShape } from '../../../ir/tensor/types.ts';
import { definePass, type Facts, type NodeSite, type Patch } from '../pass.ts';

type Margined = Node<'pad' | 'space_to_batch'>;
type Spatial = Margined | Node<'batch_to_space'>;

/** What takes images and may use the margins itself. */
const IMAGE_OPS: ReadonlySet<OpName> = new Set(['conv2d', 'depthwise_conv2d', 'max_pool2d', 'space_to_batch']);

/** The axis of extent 1, rows or columns, that makes the image of the sequence [n, length, channels]. */
function unitAxis(sequence: readonly number[], image: readonly number[]): 1 | 2 | undefined {
  if (sequence.length !== 3 || image.length !== 4) return undefined;
  return ([1, 2] as const).find((axis) => image[axis] === 1 && sameShape(image.toSpliced(axis, 1), sequence));
}

/** The same node on images. */
function onImages(node: Spatial, axis: 1 | 2): Spatial {
  if (node.op === 'pad') {
    const { before, after } = node.attrs;
    return { ...node, attrs: { before: before.toSpliced(axis, 0, 0), after: after.toSpliced(axis, 0, 0) } };
  }
  const { block, margins } = node.attrs;
  if (axis === 2) return node;
  return { ...node, attrs: { block: [1, ...block], margins: [[0, 0], ...margins] } };
}

/** Blocks of batches are cut from the length alone. */
function cutsLengthOnly(node: Node): node is Spatial {
  if (node.op === 'pad') return true;
  return (node.op === 'space_to_batch' || node.op === 'batch_to_space') && node.attrs.block.length === 1;
}

function isReadOnce(facts: Facts, value: ValueName): boolean {
  return !facts.isKept(value) && facts.consumers.get(value)?.length === 1;
}

function reshape(x: ValueName, y: ValueName, shape: readonly number[]): Node<'reshape'> {
  return { op: 'reshape', inputs: [x], outputs: [y], attrs: { shape: [...shape] } };
}

interface Move {
  readonly spatial: Spatial;
  readonly axis: 1 | 2;
}

/** reshape(spatial(x)), if what reads the image may make use of it. */
function hoistable({ graph, facts, node }: NodeSite): Move | string {
  const spatial = facts.producers.get(node.inputs[0]);
  if (spatial === undefined || !cutsLengthOnly(spatial) || spatial.op === 'batch_to_space') {
    return `%${node.inputs[0]} is no sequence with margins`;
  }
  if (!isReadOnce(facts, node.inputs[0])) return `%${node.inputs[0]} is read elsewhere`;
  const [y] = node.outputs;
  if (facts.isKept(y) || facts.consumers.get(y)?.every(({ op }) => IMAGE_OPS.has(op)) !== true) {
    return `%${y} is not read by convolutions alone`;
  }
  const axis = unitAxis(shapeOf(graph, node.inputs[0]), shapeOf(graph, y));
  return axis === undefined ? 'it makes no image of a sequence' : { spatial, axis };
}

/** batch_to_space(reshape(convolution)). */
function sinkable({ graph, facts, node }: NodeSite): Move | string {
  const inner = facts.producers.get(node.inputs[0]);
  if (inner?.op !== 'reshape' || !cutsLengthOnly(node)) return `%${node.inputs[0]} is not a reshape`;
  if (!isReadOnce(facts, node.inputs[0])) return `%${node.inputs[0]} is read elsewhere`;
  const conv = facts.producers.get(inner.inputs[0])?.op;
  if (conv !== 'conv2d' && conv !== 'depthwise_conv2d') return `%${inner.inputs[0]} is not a convolution`;
  const axis = unitAxis(shapeOf(graph, node.inputs[0]), shapeOf(graph, inner.inputs[0]));
  return axis === undefined ? 'it makes no sequence of an image' : { spatial: node, axis };
}

/** No shape that counts where scales lie along an axis, which would have to move too. */
function shapeOf(graph: Graph, value: ValueName): readonly number[] {
  const { shape, quant } = typeOfValue(graph, value);
  return 'axis' in quant && quant.axis !== undefined ? [] : shape;
}

function hoist({ graph, node }: NodeSite, { spatial, axis }: Move): Patch {
  const [x, ...others] = spatial.inputs as [ValueName, ...ValueName[]];
  const [middle] = spatial.outputs as [ValueName];
  const [y] = node.outputs as [ValueName];
  const type = typeOfValue(graph, x);
  const shape = type.shape.toSpliced(axis, 0, 1);
  const image = { ...onImages(spatial, axis), inputs: [middle, ...others], outputs: [y] } as Node;
  return {
    swap: new Map<Node, Node>([
      [spatial, reshape(x, middle, shape)],
      [node, image],
    ]),
    add: {
      types: new Map([
        [middle, { ...type, shape }],
        [y, typeOfValue(graph, y)],
      ]),
    },
  };
}

function sink({ graph, facts, node }: NodeSite, { spatial, axis }: Move): Patch {
  const inner = facts.producers.get(node.inputs[0]) as Node;
  const [x] = inner.inputs as [ValueName];
  const [middle] = inner.outputs as [ValueName];
  const [y] = node.outputs as [ValueName];
  const type = typeOfValue(graph, y);
  return {
    swap: new Map<Node, Node>([
      [inner, { ...onImages(spatial, axis), inputs: [x], outputs: [middle] } as Node],
      [node, reshape(middle, y, type.shape)],
    ]),
    add: {
      types: new Map([
        [middle, { ...type, shape: type.shape.toSpliced(axis, 0, 1) }],
        [y, type],
      ]),
    },
  };
}

export const moveUnitAxes = definePass({
  name: 'exact/move-unit-axes',
  doc:
    'image(pad(x)) → pad(image(x)), image(space_to_batch(x)) → space_to_batch(image(x)) and batch_to_space(sequence(x)) → ' +
    'sequence(batch_to_space(x)), when the reshape adds or drops rows or columns of extent 1 for a convolution.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'before-margins',
      at: 'node',
      on: ['reshape'],
      when(site) {
        const found = hoistable(site);
        return typeof found === 'string' ? found : true;
      },
      rewrite: (site) => hoist(site, hoistable(site) as Move),
    },
    {
      name: 'after-batches',
      at: 'node',
      on: ['batch_to_space'],
      when(site) {
        const found = sinkable(site);
        return typeof found === 'string' ? found : true;
      },
      rewrite: (site) => sink(site, sinkable(site) as Move),
    },
  ],
});
