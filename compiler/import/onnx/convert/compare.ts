/** Comparisons, logic and choice. */
import type { Converter, Converters } from '../node.ts';
import type { Value } from '../values.ts';
import { widened } from './arithmetic.ts';

type Comparison = 'equal' | 'less' | 'less_equal' | 'greater' | 'greater_equal';

function comparison(op: Comparison): Converter {
  return (node) => {
    // Booleans compare as 0 and 1, other integers as i32.
    const [a, b] = [node.input(0), node.input(1)].map((x) =>
      x.type.dtype === 'bool' && op === 'equal' ? x : widened(node, x),
    );
    return node.ops.compare(op, a, b);
  };
}

function logic(op: 'logical_and' | 'logical_or' | 'logical_xor'): Converter {
  return (node) => node.ops.one(op, [node.input(0), node.input(1)], {});
}

const where: Converter = (node) => {
  const [condition, yes, no] = node.inputs() as [Value, Value, Value];
  return node.ops.select(condition, yes, no);
};

export const COMPARE: Converters = {
  Equal: comparison('equal'),
  Less: comparison('less'),
  LessOrEqual: comparison('less_equal'),
  Greater: comparison('greater'),
  GreaterOrEqual: comparison('greater_equal'),
  And: logic('logical_and'),
  Or: logic('logical_or'),
  Xor: logic('logical_xor'),
  Not: (node) => node.ops.unary('logical_not', node.input(0)),
  Where: where,
};
