/** Control flow: what is known at import is followed, loops are written out. */

import { CONSTANT_ADVICE, type Converter, type Converters, type NodeContext } from '../node.ts';
import type { Bound } from '../values.ts';
import { isSequence, type Value } from '../values.ts';
import { joined } from './slice.ts';

const MAX_TRIPS = 2 ** 12;

function known(value: Value): number | undefined {
  return value.data === undefined ? undefined : Number(value.data[0]);
}

/** A known condition runs one branch; an unknown one runs both and selects. */
const branch: Converter = (node) => {
  const condition = node.input(0);
  const yes = node.attributes.graph('then_branch');
  const no = node.attributes.graph('else_branch');
  const chosen = known(condition);
  if (chosen !== undefined) return node.runGraph(chosen === 0 ? no : yes, []);
  const [left, right] = [node.runGraph(yes, []), node.runGraph(no, [])];
  const scalar = node.ops.reshape(condition, []);
  return left.map((bound, i) => {
    const other = right[i];
    if (bound === undefined || other === undefined || isSequence(bound) || isSequence(other)) {
      return node.refuse('branches that give tensors, or a condition known at import', 'sequences or optionals');
    }
    if (bound.type.shape.join() !== other.type.shape.join()) {
      return node.refuse(
        'branches that give equal shapes, or a condition known at import',
        `[${bound.type.shape}] and [${other.type.shape}]`,
      );
    }
    return node.ops.select(scalar, bound, other);
  });
};

/** Trips until the count or a known condition ends them. What a body lists as scan outputs is stacked. */
const loop: Converter = (node) => {
  const trips = node.optionalNumbers(0, 'the trip count')?.[0] ?? Number.POSITIVE_INFINITY;
  const body = node.attributes.graph('body');
  let condition = node.optional(1);
  let carried = Array.from({ length: Math.max(node.inputCount - 2, 0) }, (_, i) => node.bound(i + 2));
  const rows: Value[][] = body.output.slice(carried.length + 1).map(() => []);
  for (let trip = 0; trip < trips && holds(node, condition); trip++) {
    if (trip === MAX_TRIPS) return node.refuse(`a loop of at most ${MAX_TRIPS} trips`, 'more');
    const index = { ...node.ops.i32(trip), element: 'int64' } as const;
    const entry = condition ?? node.ops.constant('bool', [], new Uint8Array([1]));
    const [next, ...results] = node.runGraph(body, [index, entry, ...carried]);
    if (next === undefined || isSequence(next))
      return node.refuse('a condition as the first output of the body', 'none');
    condition = next;
    carried = results.slice(0, carried.length);
    results.slice(carried.length).forEach((bound, i) => {
      const row = tensorOf(node, bound);
      rows[i].push(node.ops.reshape(row, [1, ...row.type.shape]));
    });
  }
  return [...carried, ...rows.map((parts) => stacked(node, parts))];
};

function tensorOf(node: NodeContext, bound: Bound): Value {
  if (bound !== undefined && !isSequence(bound)) return bound;
  return node.refuse('tensors as scan outputs', 'sequences');
}

function holds(node: NodeContext, condition: Value | undefined): boolean {
  if (condition === undefined) return true;
  const value = known(condition);
  if (value === undefined)
    return node.refuse('a loop whose trip count is known at import', 'a condition of run time', CONSTANT_ADVICE);
  return value !== 0;
}

function stacked(node: NodeContext, parts: readonly Value[]): Value {
  if (parts.length === 0) return node.refuse('a loop with scan outputs of at least one trip', 'none');
  return joined(node, parts, 0);
}

/** One trip per place of the scanned axes. */
const scan: Converter = (node) => {
  if (node.version < 9) return batchedScan(node);
  const count = node.attributes.int('num_scan_inputs', 1);
  const states = Array.from({ length: node.inputCount - count }, (_, i) => node.bound(i));
  const inputs = Array.from({ length: count }, (_, i) => node.input(node.inputCount - count + i));
  return scanned(node, states, inputs);
};

function scanned(node: NodeContext, initial: readonly Bound[], inputs: readonly Value[]): Bound[] {
  const { attributes, ops } = node;
  const body = attributes.graph('body');
  const axes = (attributes.ints('scan_input_axes') ?? inputs.map(() => 0)).map((axis, i) =>
    node.axis(axis, inputs[i].type.shape.length),
  );
  const reverse = attributes.ints('scan_input_directions') ?? inputs.map(() => 0);
  const trips = inputs[0].type.shape[axes[0]];
  if (trips > MAX_TRIPS || inputs.some(({ type }, i) => type.shape[axes[i]] !== trips)) {
    return node.refuse(`scanned axes of one extent, at most ${MAX_TRIPS}`, `${trips} and others`);
  }
  const outputs = body.output.length - initial.length;
  const outAxes = attributes.ints('scan_output_axes') ?? new Array<number>(outputs).fill(0);
  const outReverse = attributes.ints('scan_output_directions') ?? new Array<number>(outputs).fill(0);
  let states = [...initial];
  const rows: Value[][] = Array.from({ length: outputs }, () => []);
  for (let trip = 0; trip < trips; trip++) {
    const slices = inputs.map((x, i) => {
      const part = ops.part(x, axes[i], reverse[i] === 1 ? trips - 1 - trip : trip, 1);
      return ops.reshape(part, x.type.shape.toSpliced(axes[i], 1));
    });
    const results = node.runGraph(body, [...states, ...slices]);
    states = results.slice(0, states.length);
    results.slice(states.length).forEach((bound, i) => {
      const row = tensorOf(node, bound);
      const axis = node.axis(outAxes[i], row.type.shape.length + 1);
      rows[i].push(ops.reshape(row, row.type.shape.toSpliced(axis, 0, 1)));
    });
  }
  const joinedRows = rows.map((parts, i) => {
    const ordered = outReverse[i] === 1 ? parts.toReversed() : parts;
    return joined(node, ordered, node.axis(outAxes[i], parts[0].type.shape.length));
  });
  return [...states, ...joinedRows];
}

/** Version 8 scans every sample of a batch, whose lengths are all full here. */
function batchedScan(node: NodeContext): Bound[] {
  const { ops } = node;
  if (node.optional(0) !== undefined) return node.refuse('sequences of full length', 'sequence_lens');
  node.attributes.ignore('directions');
  const count = node.attributes.int('num_scan_inputs', 1);
  const all = node.inputs(1);
  const batch = all[0].type.shape[0];
  const samples = Array.from({ length: batch }, (_, sample) => {
    const own = all.map((x) => ops.reshape(ops.part(x, 0, sample, 1), x.type.shape.slice(1)));
    return scanned(node, own.slice(0, all.length - count), own.slice(all.length - count)) as Value[];
  });
  return samples[0].map((_, i) =>
    joined(
      node,
      samples.map((own) => ops.reshape(own[i], [1, ...own[i].type.shape])),
      0,
    ),
  );
}

export const CONTROL: Converters = { If: branch, Loop: loop, Scan: scan };
