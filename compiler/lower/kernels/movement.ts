/** Kernels of the ops that only move elements: each says its boxes, and one builder spells them. */
import type { OpName } from '../../../ir/tensor/ops/index.ts';
import { elementCount, stridesOf, type TensorType } from '../../../ir/tensor/types.ts';
import { type Box, buildBoxes, movable, type Walk } from '../boxes.ts';
import type { Kernel, Site } from '../kernel.ts';
import { BLOCK_BOXES } from './movement-blocks.ts';
import { GATHER_BOXES } from './movement-gather.ts';
import { PAD_BOXES } from './movement-pad.ts';

type InPlace<K extends OpName> = NonNullable<Kernel<K>['inPlace']>;

/** A kernel from the function that says what moves where. */
function movement<K extends OpName>(
  name: K,
  doc: string,
  boxesOf: (site: Site<K>) => readonly Box[],
  inPlace: InPlace<K> = () => [],
): Kernel<K> {
  return {
    name,
    doc,
    applies: (site) => movable(site as unknown as Site),
    inPlace,
    build: (k) => buildBoxes(k, boxesOf(k.site)),
  };
}

const X = { operand: 0 } as const;

function shapes(site: Site): { readonly x: readonly number[]; readonly y: readonly number[] } {
  return { x: (site.inputs[0] as TensorType).shape, y: (site.outputs[0] as TensorType).shape };
}

/** The whole of a shape, element after element. */
function whole(shape: readonly number[]): Walk {
  return { start: 0, strides: stridesOf(shape) };
}

const reshape = movement('reshape', 'copies the elements, where the two ends cannot be one buffer', (site) => {
  const { y } = shapes(site as unknown as Site);
  return [{ source: X, shape: y, from: whole(y), to: whole(y) }];
});

const transpose = movement(
  'transpose',
  'one loop per group of axes that stay together, in the order of the result',
  (site) => {
    const { x, y } = shapes(site as unknown as Site);
    const strides = stridesOf(x);
    const from = { start: 0, strides: site.attrs.permutation.map((axis) => strides[axis] as number) };
    return [{ source: X, shape: y, from, to: whole(y) }];
  },
);

const slice = movement(
  'slice',
  'copies a box out of the operand, one loop per group of axes that stay together',
  (site) => {
    const { x, y } = shapes(site as unknown as Site);
    const { start, stride } = site.attrs;
    const strides = stridesOf(x);
    const from = {
      start: start.reduce((place, first, axis) => place + first * (strides[axis] as number), 0),
      strides: strides.map((step, axis) => step * (stride[axis] as number)),
    };
    return [{ source: X, shape: y, from, to: whole(y) }];
  },
  // Ascending slices read at or behind the place they write, in the same order.
  ({ attrs }) => (attrs.stride.every((step) => step > 0) ? [[0, 0]] : []),
);

const concat = movement(
  'concat',
  'copies the operands one after another into their part of the result',
  (site) => {
    const { y } = shapes(site as unknown as Site);
    const { axis } = site.attrs;
    const to = stridesOf(y);
    let place = 0;
    return site.inputs.map(({ shape }, operand) => {
      const start = place * (to[axis] as number);
      place += shape[axis] as number;
      return { source: { operand }, shape, from: whole(shape), to: { start, strides: to } };
    });
  },
  // Along the outermost axis the first operand may lie where its copy goes.
  ({ inputs, attrs }) => (elementCount((inputs[0] as TensorType).shape.slice(0, attrs.axis)) === 1 ? [[0, 0]] : []),
);

const broadcast_to = movement('broadcast_to', 'reads every element as often as it is repeated', (site) => {
  const { x, y } = shapes(site as unknown as Site);
  const strides = stridesOf(x).map((stride, axis) => (x[axis] === 1 ? 0 : stride));
  const lead = new Array<number>(y.length - x.length).fill(0);
  return [{ source: X, shape: y, from: { start: 0, strides: [...lead, ...strides] }, to: whole(y) }];
});

const tile = movement('tile', 'two loops per repeated axis: the repetitions, and the axis itself', (site) => {
  const { x, y } = shapes(site as unknown as Site);
  const interleave = (outer: readonly number[], inner: readonly number[]) =>
    outer.flatMap((value, axis) => [value, inner[axis] as number]);
  const from = stridesOf(x);
  const to = stridesOf(y);
  const zeros = x.map(() => 0);
  const step = to.map((stride, axis) => stride * (x[axis] as number));
  return [
    {
      source: X,
      shape: interleave(site.attrs.multiples, x),
      from: { start: 0, strides: interleave(zeros, from) },
      to: { start: 0, strides: interleave(step, to) },
    },
  ];
});

const gather = movement(
  'gather',
  'for every index, clamped to those that exist: copies what it chooses',
  GATHER_BOXES.gather,
);
const gather_elements = movement(
  'gather_elements',
  'for every element: its index, clamped to those that exist, and a copy',
  GATHER_BOXES.gather_elements,
);
const gather_nd = movement(
  'gather_nd',
  'for every list of indices, each clamped to those that exist: copies what it chooses',
  GATHER_BOXES.gather_nd,
);
const pad = movement('pad', 'fills the margins axis by axis, then copies the operand between them', PAD_BOXES.pad);
const mirror_pad = movement(
  'mirror_pad',
  'copies row by row, through tables of the places that margins show',
  PAD_BOXES.mirror_pad,
);
const depth_to_space = movement('depth_to_space', 'a copy with five axes, merged', BLOCK_BOXES.depth_to_space);
const space_to_depth = movement('space_to_depth', 'a copy with five axes, merged', BLOCK_BOXES.space_to_depth);
const batch_to_space = movement(
  'batch_to_space',
  'a copy per group of block places that lose the same margins',
  BLOCK_BOXES.batch_to_space,
);
const space_to_batch = movement(
  'space_to_batch',
  'fills all when there are margins, then a copy per group of block places that have the same ones',
  BLOCK_BOXES.space_to_batch,
);

export const MOVEMENT_KERNELS = {
  reshape: [reshape],
  transpose: [transpose],
  slice: [slice],
  concat: [concat],
  broadcast_to: [broadcast_to],
  tile: [tile],
  gather: [gather],
  gather_elements: [gather_elements],
  gather_nd: [gather_nd],
  pad: [pad],
  mirror_pad: [mirror_pad],
  depth_to_space: [depth_to_space],
  space_to_depth: [space_to_depth],
  batch_to_space: [batch_to_space],
  space_to_batch: [space_to_batch],
} as const;
