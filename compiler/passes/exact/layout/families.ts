/** Which values are transposes of which others, and what moving their elements costs. */
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../../ir/tensor/graph.ts';
import { byteSize, type TensorType } from '../../../../ir/tensor/types.ts';
import { canonical, compose, elementOrder, identity, keepsPlaces, type Layout } from './permutation.ts';
import { movedUnits } from './regroup.ts';

/** A value as another one, its root, in some layout. */
export interface View {
  readonly root: ValueName;
  readonly layout: Layout;
}

/** Values and the nodes between them, without what only permutes. */
export interface Families {
  /** The view that every value is; roots are views of themselves. */
  readonly views: ReadonlyMap<ValueName, View>;
  /** The values that are views of each root, itself first. */
  readonly members: ReadonlyMap<ValueName, readonly ValueName[]>;
  /** Nodes that make a value from its root, which come and go. */
  readonly permuting: ReadonlySet<Node>;
  /** The value that has the layout, by root and `keyOf` the layout. Values that must keep their names come first. */
  readonly names: ReadonlyMap<ValueName, ReadonlyMap<string, ValueName>>;
}

export function keyOf(layout: Layout): string {
  return layout.join('');
}

/** The permutation that a node is: a transpose, or a reshape that only moves axes of extent 1. */
export function permutationOf(graph: Graph, node: Node): Layout | undefined {
  if (node.op === 'transpose') return node.attrs.permutation;
  if (node.op !== 'reshape') return undefined;
  const [x, y] = [node.inputs[0], node.outputs[0]].map((value) => typeOfValue(graph, value).shape);
  return movedUnits(x, y);
}

/** Constants are no roots: their transposes fold. `kept` are the values that must have their names in any case. */
export function familiesOf(graph: Graph, kept: ReadonlySet<ValueName>): Families {
  const views = new Map<ValueName, View>();
  const members = new Map<ValueName, ValueName[]>();
  const permuting = new Set<Node>();
  const names = new Map<ValueName, Map<string, ValueName>>();
  const addRoot = (value: ValueName) => {
    const layout = identity(typeOfValue(graph, value).shape.length);
    views.set(value, { root: value, layout });
    members.set(value, [value]);
    names.set(value, new Map([[keyOf(layout), value]]));
  };
  for (const value of [...graph.inputs, ...graph.states.map(({ name }) => name)]) addRoot(value);
  for (const node of graph.nodes) {
    const [y] = node.outputs;
    const layout = permutationOf(graph, node);
    const source = views.get(node.inputs[0]);
    if (layout === undefined || source === undefined) {
      for (const value of node.outputs) addRoot(value);
      continue;
    }
    const view = viewOf(graph, source, layout);
    const known = names.get(view.root) as Map<string, ValueName>;
    const older = known.get(keyOf(view.layout));
    if (kept.has(y) && older !== undefined && (older === view.root || kept.has(older))) {
      addRoot(y);
      continue;
    }
    permuting.add(node);
    views.set(y, view);
    members.get(view.root)?.push(y);
    if (older === undefined || kept.has(y)) known.set(keyOf(view.layout), y);
  }
  return { views, members, permuting, names };
}

function viewOf(graph: Graph, { root, layout: outer }: View, layout: Layout): View {
  return { root, layout: canonical(compose(outer, layout), typeOfValue(graph, root).shape) };
}

/**
 * What moves cost: bytes count first, then how many nodes permute at all, then how much is computed after them, so that what
 * follows a layer stays next to it.
 */
const BYTE_MOVE = 2 ** 26;
const UNIT_MOVE = 2 ** 14;

/** How many ops, one after another, follow the reading of each value; what only names or permutes elements is none. */
export type Heights = ReadonlyMap<ValueName, number>;

export function heightsOf(graph: Graph): Heights {
  const heights = new Map<ValueName, number>();
  for (const node of graph.nodes.toReversed()) {
    const height = heightOf(heights, node);
    for (const name of node.inputs) heights.set(name, Math.max(heights.get(name) ?? 0, height));
  }
  return heights;
}

export function heightOf(heights: Heights, { op, outputs }: Node): number {
  const after = Math.max(...outputs.map((name) => heights.get(name) ?? 0));
  return op === 'reshape' || op === 'transpose' ? after : after + 1;
}

/** A layout that a value is needed in, with the height of what reads it so. */
export interface Need {
  readonly layout: Layout;
  readonly height: number;
}

/**
 * The cost of having a value in all of the layouts, which are different, when it is made in `made`: one transpose for each
 * order of elements that is new, and reshapes between layouts that differ in axes of extent 1.
 */
export function familyCost(type: TensorType, made: Layout, needs: readonly Need[]): number {
  const own = keyOf(canonical(made, type.shape));
  const others = needs.filter(({ layout }) => keyOf(canonical(layout, type.shape)) !== own);
  const orders = [made, ...others.map(({ layout }) => layout)].map((layout) => keyOf(elementOrder(layout, type.shape)));
  const moves = new Set(orders).size - 1;
  return others.reduce((sum, { height }) => sum + UNIT_MOVE + height, moves * BYTE_MOVE * byteSize(type));
}

/** The cost of a transpose of the value. */
export function moveCost(type: TensorType, layout: Layout): number {
  return keepsPlaces(layout, type.shape) ? UNIT_MOVE : BYTE_MOVE * byteSize(type) + UNIT_MOVE;
}

/** The sum over the nodes that permute. */
export function costOf(graph: Graph): number {
  const heights = heightsOf(graph);
  return graph.nodes.reduce((sum, node) => {
    const layout = permutationOf(graph, node);
    if (layout === undefined) return sum;
    return sum + moveCost(typeOfValue(graph, node.inputs[0]), layout) + (heights.get(node.outputs[0]) ?? 0);
  }, 0);
}

export function movedBytes(cost: number): number {
  return Math.floor(cost / BYTE_MOVE);
}
