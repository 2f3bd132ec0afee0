/** How a reshape treats axes: neighbouring axes of the one shape become neighbouring axes of the other. */
import { sameShape } from '../../../../ir/tensor/types.ts';
import { isIdentity, type Layout } from './permutation.ts';

/** Runs of axes, none of extent 1, that hold the same elements in both shapes; each as short as can be. */
interface Group {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

function groupsOf(from: readonly number[], to: readonly number[]): Group[] {
  const [left, right] = [from, to].map((shape) => shape.flatMap((extent, axis) => (extent === 1 ? [] : [axis])));
  const groups: Group[] = [];
  for (let i = 0, j = 0; i < left.length; ) {
    const group = { from: [left[i]], to: [right[j]] };
    let [a, b] = [from[left[i++]], to[right[j++]]];
    while (a !== b) {
      if (a < b) {
        a *= from[left[i]];
        group.from.push(left[i++]);
      } else {
        b *= to[right[j]];
        group.to.push(right[j++]);
      }
    }
    groups.push(group);
  }
  return groups;
}

/**
 * The layout of the value of shape `to` that is a reshape of the value of shape `from` in `layout`; undefined when axes that
 * run on from one another there do not stay together. Axes of extent 1 keep their places, as far as that goes.
 */
export function regrouped(from: readonly number[], to: readonly number[], layout: Layout): Layout | undefined {
  if (isIdentity(layout)) return to.map((_, axis) => axis);
  const groups = groupsOf(from, to);
  const order = layout.filter((axis) => from[axis] !== 1);
  const result: number[] = [];
  for (let at = 0; at < order.length; ) {
    const group = groups.find((candidate) => candidate.from[0] === order[at]);
    if (group === undefined || group.from.some((axis, i) => order[at + i] !== axis)) return undefined;
    at += group.from.length;
    result.push(...group.to);
  }
  return to.map((extent, axis) => (extent === 1 ? axis : (result.shift() as number)));
}

/**
 * The permutation that a reshape to a shape of the same rank amounts to when it only moves axes of extent 1; undefined for
 * any other reshape, one that changes nothing among them.
 */
export function movedUnits(from: readonly number[], to: readonly number[]): Layout | undefined {
  if (from.length !== to.length || sameShape(from, to)) return undefined;
  const axes = (isUnit: boolean) => from.flatMap((extent, axis) => ((extent === 1) === isUnit ? [axis] : []));
  const [units, others] = [axes(true), axes(false)];
  const layout = to.map((extent) => (extent === 1 ? units.shift() : others.shift()) ?? -1);
  return layout.every((axis, at) => axis >= 0 && from[axis] === to[at]) ? layout : undefined;
}
