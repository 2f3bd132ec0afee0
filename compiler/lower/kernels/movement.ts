/** Kernels of the ops that only move elements: each says its boxes, and one builder spells them. */
import type { OpName } from '../../../ir/tensor/ops/index.ts';
import { elementCount, type TensorType } from '../../../ir/tensor/types.ts';
import { type Box, buildBoxes, movable } from '../boxes.ts';
import type { Kernel, Site } from '../kernel.ts';

/** A kernel from the function that says what moves where. */
function movement<K extends OpName>(name: K, doc: string, boxesOf: (site: Site<K>) => readonly Box[]): Kernel<K> {
  return {
    name,
    doc,
    applies: (site) => movable(site as unknown as Site),
    build: (k) => buildBoxes(k, boxesOf(k.site)),
  };
}

const reshape = movement('reshape', 'copies the elements, where the two ends cannot be one buffer', ({ inputs }) => {
  const count = elementCount((inputs[0] as TensorType).shape);
  const walk = { start: 0, strides: [1] };
  return [{ source: { operand: 0 }, shape: [count], from: walk, to: walk }];
});

export const MOVEMENT_KERNELS = { reshape: [reshape] } as const;
