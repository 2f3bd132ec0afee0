/** The graph with some nodes in other layouts and transposes only where they are needed. */
import { type Constant, type Graph, type Node, typeOfValue, type ValueName } from '../../../../ir/tensor/graph.ts';
import { DENSE, type TensorType } from '../../../../ir/tensor/types.ts';
import { freeName } from '../../names.ts';
import type { Patch } from '../../pass.ts';
import { type Families, keyOf } from './families.ts';
import {
  between,
  canonical,
  compose,
  identity,
  isIdentity,
  keepsPlaces,
  type Layout,
  permutedData,
  permutedType,
} from './permutation.ts';
import type { Relayout } from './relayout.ts';

/** Nodes that change, with what they change to. */
export type Changes = ReadonlyMap<Node, Relayout>;

interface Made {
  readonly name: ValueName;
  readonly layout: Layout;
}

class Rebuild {
  readonly nodes: Node[] = [];
  readonly types: Map<ValueName, TensorType>;
  readonly constants: Map<ValueName, Constant>;
  readonly #graph: Graph;
  readonly #families: Families;
  readonly #changes: Changes;
  /** Nodes that permute, by what they make: those that stay are the same, so that patches are small. */
  readonly #permuting: ReadonlyMap<ValueName, Node>;
  /** What there is of each root so far, the layout it is computed in first. */
  readonly #made = new Map<ValueName, Made[]>();
  /** Permuted constants and spread operands, by what they are made of. */
  readonly #derived = new Map<string, ValueName>();

  constructor(graph: Graph, families: Families, changes: Changes) {
    this.#graph = graph;
    this.#families = families;
    this.#changes = changes;
    this.#permuting = new Map([...families.permuting].map((node) => [node.outputs[0], node]));
    this.types = new Map(graph.types);
    this.constants = new Map(graph.constants);
    for (const name of [...graph.inputs, ...graph.states.map((state) => state.name)]) {
      this.#made.set(name, [{ name, layout: identity(this.#typeOf(name).shape.length) }]);
    }
  }

  run(): this {
    for (const node of this.#graph.nodes) if (!this.#families.permuting.has(node)) this.#add(node);
    for (const value of [...this.#graph.outputs, ...this.#graph.states.map(({ next }) => next)]) {
      const view = this.#families.views.get(value);
      if (view !== undefined) this.#inLayout(view.root, view.layout);
    }
    return this;
  }

  #typeOf(value: ValueName): TensorType {
    return typeOfValue(this.#graph, value);
  }

  #add(node: Node): void {
    const change = this.#changes.get(node);
    const inputs = node.inputs.map((name, i) => this.#operand(name, change?.inputs[i]));
    const outputs = node.outputs.map((name, i) => this.#result(name, change?.outputs[i]));
    const isSame = change === undefined && inputs.every((name, i) => name === node.inputs[i]);
    this.nodes.push(isSame ? node : ({ ...node, inputs, outputs, attrs: change?.attrs ?? node.attrs } as Node));
  }

  #result(root: ValueName, layout: Layout = identity(this.#typeOf(root).shape.length)): ValueName {
    const name = this.#nameFor(root, layout);
    this.types.set(name, permutedType(this.#typeOf(root), layout));
    this.#made.set(root, [{ name, layout }]);
    return name;
  }

  /** The operand as the node reads it, permuted by `layout` if that is given. */
  #operand(value: ValueName, layout: Layout | undefined): ValueName {
    const { shape } = this.#typeOf(value);
    const view = this.#families.views.get(value);
    if (view === undefined) return layout === undefined ? value : this.#constant(value, layout);
    if (layout === undefined || layout.length === shape.length) {
      return this.#inLayout(view.root, layout === undefined ? view.layout : compose(view.layout, layout));
    }
    return this.#spread(this.#inLayout(view.root, view.layout), layout);
  }

  #inLayout(root: ValueName, layout: Layout): ValueName {
    const type = this.#typeOf(root);
    const wanted = canonical(layout, type.shape);
    const made = this.#made.get(root) as Made[];
    const same = (other: Made) => keyOf(canonical(other.layout, type.shape)) === keyOf(wanted);
    const ready = made.find(same);
    if (ready !== undefined) return ready.name;
    const source = made.find((other) => this.#isReshape(type, other.layout, wanted)) ?? made[0];
    const name = this.#nameFor(root, wanted);
    this.#permute(source, { name, layout: wanted }, permutedType(type, wanted));
    made.push({ name, layout: wanted });
    return name;
  }

  #isReshape({ shape }: TensorType, from: Layout, to: Layout): boolean {
    return keepsPlaces(
      between(from, to),
      from.map((axis) => shape[axis]),
    );
  }

  #permute(from: Made, to: Made, type: TensorType): void {
    const permutation = between(from.layout, to.layout);
    const shape = from.layout.map((axis) => type.shape[to.layout.indexOf(axis)]);
    this.types.set(to.name, type);
    const ends = { inputs: [from.name], outputs: [to.name] };
    const node: Node = keepsPlaces(permutation, shape)
      ? { op: 'reshape', ...ends, attrs: { shape: [...type.shape] } }
      : { op: 'transpose', ...ends, attrs: { permutation: [...permutation] } };
    const old = this.#permuting.get(to.name);
    this.nodes.push(old !== undefined && isSameNode(old, node) ? old : node);
  }

  /** A constant of any rank up to that of the layout, permuted. */
  #constant(value: ValueName, layout: Layout): ValueName {
    const key = `${value} ${keyOf(layout)}`;
    const known = this.#derived.get(key);
    if (known !== undefined) return known;
    const type = inRank(this.#typeOf(value), layout.length);
    const { data } = this.#graph.constants.get(value) as Constant;
    const name = this.#free(`${value}_${keyOf(layout)}`);
    this.types.set(name, permutedType(type, layout));
    this.constants.set(name, { data: permutedData(type, data, layout), encoding: DENSE });
    this.#derived.set(key, name);
    return name;
  }

  /** A variable of lower rank than the layout, permuted. */
  #spread(value: ValueName, layout: Layout): ValueName {
    const key = `${value} ${keyOf(layout)}`;
    const known = this.#derived.get(key);
    if (known !== undefined) return known;
    const type = inRank(this.types.get(value) as TensorType, layout.length);
    const name = this.#free(`${value}_${keyOf(layout)}`);
    if (keepsPlaces(layout, type.shape)) {
      const result = permutedType(type, layout);
      this.types.set(name, result);
      this.nodes.push({ op: 'reshape', inputs: [value], outputs: [name], attrs: { shape: [...result.shape] } });
    } else {
      const middle = this.#free(`${value}_${keyOf(identity(layout.length))}`);
      this.types.set(middle, type);
      this.nodes.push({ op: 'reshape', inputs: [value], outputs: [middle], attrs: { shape: [...type.shape] } });
      const from = { name: middle, layout: identity(layout.length) };
      this.#permute(from, { name, layout }, permutedType(type, layout));
    }
    this.#derived.set(key, name);
    return name;
  }

  /** The name that the root has or had in the layout, or a new one. */
  #nameFor(root: ValueName, layout: Layout): ValueName {
    const key = keyOf(canonical(layout, this.#typeOf(root).shape));
    if (isIdentity(layout)) return root;
    return this.#families.names.get(root)?.get(key) ?? this.#free(`${root}_${keyOf(layout)}`);
  }

  #free(wanted: string): ValueName {
    return freeName(this.types, wanted);
  }
}

function isSameNode(a: Node, b: Node): boolean {
  return a.op === b.op && a.inputs[0] === b.inputs[0] && JSON.stringify(a.attrs) === JSON.stringify(b.attrs);
}

/** The type with axes of extent 1 in front. Scales along an axis move with it. */
function inRank(type: TensorType, rank: number): TensorType {
  const missing = rank - type.shape.length;
  const shape = [...new Array<number>(missing).fill(1), ...type.shape];
  const { quant } = type;
  if (!('axis' in quant) || quant.axis === undefined) return { ...type, shape };
  return { ...type, shape, quant: { ...quant, axis: quant.axis + missing } };
}

/** The graph after the changes. */
export function rebuilt(graph: Graph, families: Families, changes: Changes): Graph {
  const { nodes, types, constants } = new Rebuild(graph, families, changes).run();
  return { ...graph, nodes, types, constants };
}

/** From one graph to another with the same inputs, states and outputs. */
export function patchBetween(before: Graph, after: Graph): Patch {
  const [old, made] = [before.nodes, after.nodes];
  let start = 0;
  while (start < old.length && old[start] === made[start]) start++;
  let same = 0;
  while (same < Math.min(old.length, made.length) - start && old.at(-1 - same) === made.at(-1 - same)) same++;
  const nodes = made.slice(start, made.length - same);
  const constants = new Map([...after.constants].filter(([name]) => !before.constants.has(name)));
  const defined = [...nodes.flatMap((node) => node.outputs), ...constants.keys()];
  return {
    drop: { nodes: old.slice(start, old.length - same) },
    add: { types: new Map(defined.map((name) => [name, typeOfValue(after, name)])), nodes, constants },
  };
}
