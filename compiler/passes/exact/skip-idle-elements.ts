import { z } from 'zod';
import { type Graph, type Node, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { matches } from '../../../ir/tensor/op.ts';
import { opRecord } from '../../../ir/tensor/ops/index.ts';
import { integerRange, sameType, type TensorData, type TensorType } from '../../../ir/tensor/types.ts';
import { definePass, type Facts, type NodeSite } from '../pass.ts';
import { fullRange } from './channels/interval.ts';
import { RangeAnalysis } from './channels/ranges.ts';
import { everyByte, isByte, isUnaryByte, unaryTable } from './unary-table.ts';

/** Ranges of the graph that an editor changes, computed once. */
const RANGES = new WeakMap<Facts, RangeAnalysis>();

function rangesOf({ graph, facts }: NodeSite): RangeAnalysis {
  const known = RANGES.get(facts) ?? new RangeAnalysis(graph, facts);
  RANGES.set(facts, known);
  return known;
}

function typesOf(graph: Graph, node: Node): readonly [x: TensorType, y: TensorType] {
  return [typeOfValue(graph, node.inputs[0]), typeOfValue(graph, node.outputs[0])];
}

/** Why some value that the operand can take is changed. */
function changeFault(site: NodeSite): string | undefined {
  const { graph, facts, node } = site;
  const [x, y] = typesOf(graph, node);
  if (!isUnaryByte(node, x, y)) return 'it is no function of one 8-bit element';
  if (!sameType(x, y)) return 'the type changes';
  if (facts.isOutput(node.outputs[0])) return `%${node.outputs[0]} is an output`;
  const table = unaryTable(node, x, y);
  const values = everyByte(x);
  const [first] = integerRange(x.dtype);
  const { low, high } = rangesOf(site).of(graph, node.inputs[0]) ?? fullRange(x);
  const [least, most] = [Math.min(...low), Math.max(...high)];
  for (let i = least - first; i <= most - first; i++) {
    if (table[i] !== values[i]) return `%${node.inputs[0]} may be ${values[i]}, which becomes ${table[i]}`;
  }
  return undefined;
}

/** The op before this one and this one as one node that reads what the first reads, if both in turn give the same. */
function withoutFirst({ graph, facts, node }: NodeSite): Node | string {
  if (node.inputs.length !== 1) return 'it has several operands';
  const first = facts.producers.get(node.inputs[0]);
  if (first?.op !== 'requantize' && first?.op !== 'dequantize') return `%${node.inputs[0]} is no change of scale`;
  const x = typeOfValue(graph, first.inputs[0]);
  const [middle, y] = typesOf(graph, node);
  if (!isUnaryByte(first, x, middle) || !isByte(y) || opRecord(node.op).traits.elementwise !== true) {
    return 'they are no functions of one 8-bit element';
  }
  const op = node.op === 'quantize' ? 'requantize' : node.op;
  const merged = { ...node, op, inputs: first.inputs } as Node;
  const record = opRecord(op);
  if (!record.signatures.some((sig) => matches(sig, [x.dtype], [y.dtype]))) return `${op} takes no ${x.dtype}`;
  const complaint = record.check?.({ inputs: [x], outputs: [y], attrs: node.attrs });
  if (complaint !== undefined) return complaint;
  const both: TensorData = unaryTable(node, middle, y, unaryTable(first, x, middle));
  const differs = unaryTable(merged, x, y).findIndex((value: number | bigint, i: number) => value !== both[i]);
  return differs < 0 ? merged : `${everyByte(x)[differs]} becomes another value in one step`;
}

export const skipIdleElements = definePass({
  name: 'exact/skip-idle-elements',
  doc:
    'f(x) → x, when f changes no value that x can take; f(g(x)) → f(x), when g changes the scale and every 8-bit value gives ' +
    'the same without it.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'idle',
      at: 'node',
      when: (site) => changeFault(site) ?? true,
      rewrite({ node }) {
        const [x] = node.inputs as [ValueName];
        const [y] = node.outputs as [ValueName];
        return {
          drop: { nodes: [node] },
          replace: new Map([[y, x]]),
          why: `no value that %${x} can take is changed by ${node.op}: its range and all 256 values were tried`,
        };
      },
    },
    {
      name: 'one-step',
      at: 'node',
      when(site) {
        const found = withoutFirst(site);
        return typeof found === 'string' ? found : true;
      },
      rewrite(site) {
        const [y] = site.node.outputs as [ValueName];
        const merged = withoutFirst(site) as Node;
        return {
          swap: new Map([[site.node, merged]]),
          add: { types: new Map([[y, typeOfValue(site.graph, y)]]) },
          why: 'all 256 values give the same in one step',
        };
      },
    },
  ],
});
