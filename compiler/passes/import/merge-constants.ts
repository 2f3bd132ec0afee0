import { z } from 'zod';
import { type Constant, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { broadcastShape } from '../../../ir/tensor/ops/broadcast.ts';
import { opRecord } from '../../../ir/tensor/ops/index.ts';
import { DENSE, elementCount, type TensorData, type TensorType } from '../../../ir/tensor/types.ts';
import { freeName } from '../names.ts';
import { definePass, type NodeSite, type Patch } from '../pass.ts';

type Commutative = Node<'add' | 'mul'>;

/** The variable and the dense constant of a sum or product of f32. */
function parts({ graph }: NodeSite, node: Node | undefined): readonly [x: ValueName, c: ValueName] | undefined {
  if (node === undefined || (node.op !== 'add' && node.op !== 'mul')) return undefined;
  const [a, b] = node.inputs;
  const isConstant = (name: ValueName) => graph.constants.get(name)?.encoding.kind === 'dense';
  if (typeOfValue(graph, node.outputs[0]).dtype !== 'f32' || isConstant(a) === isConstant(b)) return undefined;
  return isConstant(a) ? [b, a] : [a, b];
}

interface Joint {
  readonly x: ValueName;
  readonly type: TensorType;
  readonly data: TensorData;
}

function jointOf(site: NodeSite): Joint | string {
  const { graph, facts, node } = site;
  const outer = parts(site, node);
  if (outer === undefined) return 'it has not one constant of f32';
  const [middle, c2] = outer;
  const producer = facts.producers.get(middle);
  const inner = producer?.op === node.op ? parts(site, producer) : undefined;
  if (inner === undefined) return `%${middle} is no ${node.op} with a constant`;
  if ((producer as Commutative).attrs.activation !== 'none') return `%${middle} has an activation`;
  if (facts.isKept(middle) || facts.consumers.get(middle)?.length !== 1) return `%${middle} is read elsewhere`;
  const [x, c1] = inner;
  const types = [c1, c2].map((name) => typeOfValue(graph, name));
  const shape = broadcastShape(types.map((type) => type.shape));
  if (types.every((type) => elementCount(type.shape) < elementCount(shape))) return 'the constant would be larger';
  const type = { ...types[0], shape };
  const inputs = [c1, c2].map((name, i) => ({
    type: types[i],
    data: (graph.constants.get(name) as Constant).data,
  }));
  const attrs = { ...node.attrs, activation: 'none' };
  const [data] = opRecord(node.op).evaluate({ inputs, outputs: [type], attrs });
  return (data as Float32Array).every(Number.isFinite) ? { x, type, data } : 'the constant would not be finite';
}

/** The node with a constant made from its own. */
function withConstant({ graph, node }: NodeSite, changed: Node, at: number, type: TensorType, data: TensorData): Patch {
  const [y] = node.outputs;
  const name = freeName(graph.types, `${y}_constant`);
  const inputs = changed.inputs.with(at, name);
  return {
    swap: new Map([[node, { ...changed, inputs } as Node]]),
    add: {
      types: new Map([
        [y, typeOfValue(graph, y)],
        [name, type],
      ]),
      constants: new Map([[name, { data, encoding: DENSE }]]),
    },
  };
}

/** Whether the value and its reciprocal are powers of two that f32 has: then one rounds like the other. */
function isPowerOfTwo(value: number): boolean {
  const exponent = Math.log2(Math.abs(value));
  return Number.isInteger(exponent) && Math.abs(exponent) <= 126;
}

function divisorFault({ graph, node }: NodeSite): string | undefined {
  const divisor = graph.constants.get(node.inputs[1]);
  if (typeOfValue(graph, node.outputs[0]).dtype !== 'f32') return 'it is not of f32';
  if (divisor === undefined) return `%${node.inputs[1]} is not a constant`;
  const values = divisor.data as Float32Array;
  return values.every(isPowerOfTwo) ? undefined : `%${node.inputs[1]} has other values than powers of two`;
}

export const mergeConstants = definePass({
  name: 'import/merge-constants',
  doc:
    '(x + a) + b → x + (a + b) and (x * a) * b → x * (a * b), for f32 constants a and b, when nothing else reads what is between ' +
    'them; x - a → x + (-a); x / a → x * (1 / a), when a is a power of two.',
  kind: 'defining',
  options: z.strictObject({}),
  rules: [
    {
      name: 'difference',
      at: 'node',
      on: ['sub'],
      when({ graph, node }) {
        if (typeOfValue(graph, node.outputs[0]).dtype !== 'f32') return 'it is not of f32';
        return graph.constants.has(node.inputs[1]) || `%${node.inputs[1]} is not a constant`;
      },
      rewrite(site) {
        const { data } = site.graph.constants.get(site.node.inputs[1]) as Constant;
        const type = typeOfValue(site.graph, site.node.inputs[1]);
        const sum = { ...site.node, op: 'add' } as Node;
        return withConstant(
          site,
          sum,
          1,
          type,
          (data as Float32Array).map((value) => -value),
        );
      },
    },
    {
      name: 'quotient',
      at: 'node',
      on: ['div'],
      when: (site) => divisorFault(site) ?? true,
      rewrite(site) {
        const { data } = site.graph.constants.get(site.node.inputs[1]) as Constant;
        const type = typeOfValue(site.graph, site.node.inputs[1]);
        const { activation } = (site.node as Node<'div'>).attrs;
        const product = { ...site.node, op: 'mul', attrs: { activation } } as Node;
        return withConstant(
          site,
          product,
          1,
          type,
          (data as Float32Array).map((value) => 1 / value),
        );
      },
    },
    {
      name: 'joint',
      at: 'node',
      on: ['add', 'mul'],
      when(site) {
        const found = jointOf(site);
        return typeof found === 'string' ? found : true;
      },
      rewrite(site) {
        const { x, type, data } = jointOf(site) as Joint;
        const changed = { ...site.node, inputs: [x, x] } as Node;
        return withConstant(site, changed, 1, type, data);
      },
    },
  ],
});
