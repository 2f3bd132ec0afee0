/** Sequences and optionals, which are known as such when the file is read. */

import type { Converter, Converters, NodeContext } from '../node.ts';
import { type Bound, isSequence, type Sequence, type Value } from '../values.ts';
import { joined, parts } from './slice.ts';

function position(node: NodeContext, input: number, length: number, otherwise: number): number {
  const stated = node.optionalNumbers(input, 'the position')?.[0];
  if (stated === undefined) return otherwise;
  const counted = stated < 0 ? stated + length : stated;
  if (counted < 0 || counted > length) return node.refuse(`a position in a sequence of ${length}`, `${stated}`);
  return counted;
}

const insert: Converter = (node) => {
  const items = node.items(0);
  return { items: items.toSpliced(position(node, 2, items.length, items.length), 0, node.input(1)) };
};

const erase: Converter = (node) => {
  const items = node.items(0);
  return { items: items.toSpliced(position(node, 1, items.length, items.length - 1), 1) };
};

const at: Converter = (node) => {
  const items = node.items(0);
  const place = position(node, 1, items.length, 0);
  return items[place] ?? node.refuse(`a position in a sequence of ${items.length}`, `${place}`);
};

const length: Converter = (node) => ({ ...node.ops.i32(node.items(0).length), element: 'int64' });

const concatFromSequence: Converter = (node) => {
  const { ops, attributes } = node;
  const items = node.items(0);
  if (items.length === 0) return node.refuse('a sequence with items', 'an empty one');
  const isNew = attributes.flag('new_axis', false);
  const rank = items[0].type.shape.length;
  const axis = node.axis(attributes.int('axis', 0), isNew ? rank + 1 : rank);
  const rows = isNew ? items.map((item) => ops.reshape(item, item.type.shape.toSpliced(axis, 0, 1))) : items;
  return joined(node, rows, axis);
};

const splitToSequence: Converter = (node) => {
  const x = node.input(0);
  const { ops, attributes } = node;
  const axis = node.axis(attributes.int('axis', 0), x.type.shape.length);
  const extent = x.type.shape[axis];
  const stated = node.optionalNumbers(1, 'the parts');
  const scalar = node.optional(1)?.type.shape.length === 0;
  const keepDims = attributes.flag('keepdims', true);
  const chunk = stated === undefined ? 1 : stated[0];
  const even = Array.from({ length: Math.ceil(extent / chunk) }, (_, i) => Math.min(chunk, extent - i * chunk));
  const items = parts(node, x, axis, stated === undefined || scalar ? even : stated);
  if (stated !== undefined || keepDims) return { items };
  return { items: items.map((item) => ops.reshape(item, item.type.shape.toSpliced(axis, 1))) };
};

const sequenceMap: Converter = (node) => {
  const body = node.attributes.graph('body');
  const count = node.items(0).length;
  const rows = Array.from({ length: count }, (_, i) => {
    const inputs = Array.from({ length: node.inputCount }, (_unused, input): Bound => {
      const bound = node.bound(input);
      return isSequence(bound) ? bound.items[i] : bound;
    });
    return node.runGraph(body, inputs) as Value[];
  });
  return body.output.map((_, i): Sequence => ({ items: rows.map((row) => row[i]) }));
};

const hasElement: Converter = (node) => {
  const there = node.inputCount > 0 && node.bound(0) !== undefined;
  return node.ops.constant('bool', [], new Uint8Array([there ? 1 : 0]));
};

const optional: Converter = (node) => {
  node.attributes.ignore('type');
  return node.inputCount === 0 ? [undefined] : node.bound(0);
};

export const SEQUENCE: Converters = {
  SequenceEmpty: (node) => {
    node.attributes.ignore('dtype');
    return { items: [] };
  },
  SequenceConstruct: (node) => ({ items: node.inputs() }),
  SequenceInsert: insert,
  SequenceErase: erase,
  SequenceAt: at,
  SequenceLength: length,
  SequenceMap: sequenceMap,
  SplitToSequence: splitToSequence,
  ConcatFromSequence: concatFromSequence,
  Optional: optional,
  OptionalHasElement: hasElement,
  OptionalGetElement: (node) => node.bound(0) ?? node.refuse('an optional that holds something', 'nothing'),
};
