/** What the exact passes did to a graph, one line for each rewrite: where, why it is right, and what it saved. */
import { type Graph, inputTypes, outputTypes, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { opRecord } from '../../ir/tensor/ops/index.ts';
import { byteSize } from '../../ir/tensor/types.ts';
import type { PatchEvent } from '../passes/run.ts';
import { PIPELINE } from '../pipeline.ts';

/** What rewrites make smaller. */
interface Extent {
  readonly nodes: number;
  readonly macs: number;
  /** Of constants that a node or an output reads. */
  readonly constantBytes: number;
}

export interface Proof {
  readonly pass: string;
  readonly rule: string;
  readonly site: string;
  readonly why: string;
  readonly before: Extent;
  readonly after: Extent;
}

function extentOf(graph: Graph): Extent {
  const read = new Set<ValueName>([...graph.outputs, ...graph.nodes.flatMap((node) => node.inputs)]);
  const constants = [...read].filter((name) => graph.constants.has(name));
  const macsOf = (node: Graph['nodes'][number]) =>
    opRecord(node.op).macs?.({ inputs: inputTypes(graph, node), outputs: outputTypes(graph, node) }) ?? 0;
  return {
    nodes: graph.nodes.length,
    macs: graph.nodes.reduce((sum, node) => sum + macsOf(node), 0),
    constantBytes: constants.reduce((sum, name) => sum + byteSize(typeOfValue(graph, name)), 0),
  };
}

export function proofOf({ pass, rule, site, patch, before, after }: PatchEvent): Proof {
  const why = patch.why ?? PIPELINE.find(({ name }) => name === pass)?.doc ?? '';
  return { pass, rule, site, why, before: extentOf(before), after: extentOf(after) };
}

const UNITS = [
  ['nodes', 'nodes'],
  ['macs', 'MACs'],
  ['constantBytes', 'bytes of constants'],
] as const;

function savedText(before: Extent, after: Extent): string {
  const parts = UNITS.filter(([key]) => before[key] !== after[key]).map(([key, unit]) => {
    const saved = before[key] - after[key];
    return `${saved > 0 ? '-' : '+'}${Math.abs(saved)} ${unit}`;
  });
  return parts.length === 0 ? 'same size' : parts.join(', ');
}

/** The proofs of a graph in the order of their rewrites, then what they come to. */
export function proofsText(graph: Graph, proofs: readonly Proof[]): string[] {
  const lines = proofs.map(
    ({ pass, rule, site, why, before, after }) =>
      `${pass}, ${rule}, at ${site}\n  ${why}\n  ${savedText(before, after)}`,
  );
  const before = proofs[0]?.before ?? extentOf(graph);
  const after = proofs.at(-1)?.after ?? before;
  const totals = UNITS.map(([key, unit]) => `${before[key]} -> ${after[key]} ${unit}`).join(', ');
  const found = new Set(proofs.map(({ pass }) => pass));
  const idle = PIPELINE.map(({ name }) => name).filter((name) => !found.has(name));
  return [
    ...lines,
    `${graph.name}: ${proofs.length} exact rewrites: ${totals}`,
    ...(idle.length === 0 ? [] : [`nothing to do: ${idle.join(', ')}`]),
  ];
}
