import { z } from 'zod';
import { activationBounds } from '../../../ir/tensor/fixed-point.ts';
import { type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { sameShape } from '../../../ir/tensor/types.ts';
import { definePass, type NodeSite } from '../pass.ts';

type Clamp = 'relu' | 'relu6' | 'relu_n1_to_1';
const CLAMPS: readonly Clamp[] = ['relu', 'relu6', 'relu_n1_to_1'];

/** One bound, or two, and what is clamped. */
interface Bounds {
  readonly x: ValueName;
  readonly low: number;
  readonly high: number;
}

/** The number that operand 0 is everywhere, and the other operand, over whose shape it is spread. */
function boundOf({ graph }: NodeSite, node: Node): { readonly bound: number; readonly x: ValueName } | undefined {
  const [c, x] = node.inputs;
  const values = graph.constants.get(c)?.data;
  const [type, result] = [x, node.outputs[0]].map((name) => typeOfValue(graph, name));
  if (values === undefined || type.dtype !== 'f32' || !sameShape(type.shape, result.shape)) return undefined;
  return values.every((value: number | bigint) => Object.is(value, values[0]))
    ? { bound: Number(values[0]), x }
    : undefined;
}

/** What the node alone clamps to. */
function ownBounds(site: NodeSite, node: Node | undefined): Bounds | undefined {
  if (node === undefined) return undefined;
  const [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  if (node.op === 'relu' || node.op === 'relu6' || node.op === 'relu_n1_to_1') {
    const [least, most] = activationBounds(node.op);
    return typeOfValue(site.graph, node.inputs[0]).dtype === 'f32'
      ? { x: node.inputs[0], low: least, high: most }
      : undefined;
  }
  if (node.op !== 'minimum' && node.op !== 'maximum') return undefined;
  const found = boundOf(site, node);
  if (found === undefined) return undefined;
  return node.op === 'minimum' ? { x: found.x, low, high: found.bound } : { x: found.x, low: found.bound, high };
}

/** What the node clamps to together with the one before it, when only it reads that one. */
function jointBounds(site: NodeSite): Bounds | undefined {
  const outer = ownBounds(site, site.node);
  if (outer === undefined) return undefined;
  const { facts } = site;
  const isAlone = !facts.isKept(outer.x) && facts.consumers.get(outer.x)?.length === 1;
  const inner = isAlone ? ownBounds(site, facts.producers.get(outer.x)) : undefined;
  if (inner === undefined) return outer;
  return { x: inner.x, low: Math.max(outer.low, inner.low), high: Math.min(outer.high, inner.high) };
}

function clampOf(bounds: Bounds | undefined): Clamp | undefined {
  return CLAMPS.find((name) => {
    const [low, high] = activationBounds(name);
    return bounds !== undefined && Object.is(bounds.low, low) && bounds.high === high;
  });
}

function found(site: NodeSite): { readonly op: Clamp; readonly x: ValueName } | string {
  const bounds = jointBounds(site);
  if (bounds === undefined) return 'it does not clamp f32 to a constant that it takes first';
  const op = clampOf(bounds);
  if (op === undefined) return `${bounds.low} to ${bounds.high} are the bounds of no activation`;
  return site.node.op === op && site.node.inputs[0] === bounds.x ? `it is ${op} already` : { op, x: bounds.x };
}

export const nameClamps = definePass({
  name: 'exact/name-clamps',
  doc:
    'maximum(0, x) → relu(x), minimum(6, relu(x)) → relu6(x), and so on for -1 to 1, in any order, when constants come first, ' +
    'which passes NaN and -0 through, and nothing else reads the inner one.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'name',
      at: 'node',
      on: ['minimum', 'maximum', ...CLAMPS],
      when(site) {
        const answer = found(site);
        return typeof answer === 'string' ? answer : true;
      },
      rewrite(site) {
        const { op, x } = found(site) as { op: Clamp; x: ValueName };
        const [y] = site.node.outputs;
        const clamp: Node = { op, inputs: [x], outputs: site.node.outputs, attrs: {} };
        return { swap: new Map([[site.node, clamp]]), add: { types: new Map([[y, typeOfValue(site.graph, y)]]) } };
      },
    },
  ],
});
