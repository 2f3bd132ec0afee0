/** Comparisons, logic and choice. */
import type { Operand } from '../../builder.ts';
import type { ConvertContext, Converters } from './context.ts';

type BooleanOp =
  | 'equal'
  | 'not_equal'
  | 'less'
  | 'less_equal'
  | 'greater'
  | 'greater_equal'
  | 'logical_and'
  | 'logical_or';

function comparison(context: ConvertContext, op: BooleanOp): void {
  const left = context.input(0, 'the left operand');
  const right = context.input(1, 'the right operand');
  context.output(op, [left.value, right.value], {});
}

function choice(context: ConvertContext): [condition: Operand, a: Operand, b: Operand] {
  return [
    context.input(0, 'the condition'),
    context.input(1, 'the value where it is true'),
    context.input(2, 'the value where it is false'),
  ];
}

/** The older SELECT: a condition of rank 1 chooses whole rows of the outermost dimension. */
function selectRows(context: ConvertContext): void {
  const [condition, a, b] = choice(context);
  const rank = a.type.shape.length;
  let { value } = condition;
  if (condition.type.shape.length === 1 && rank > 1) {
    const [rows] = condition.type.shape;
    if (rows !== a.type.shape[0]) {
      context.refuse(`a condition of ${a.type.shape[0]} elements or of the values' shape`, `${rows} elements`);
    }
    const shape = [rows, ...a.type.shape.slice(1).map(() => 1)];
    [value] = context.emit('reshape', [value], { shape }, [condition.type]);
  }
  context.output('select', [value, a.value, b.value], {});
}

function select(context: ConvertContext): void {
  context.output(
    'select',
    choice(context).map(({ value }) => value),
    {},
  );
}

export const COMPARE_CONVERTERS = {
  EQUAL: (context) => comparison(context, 'equal'),
  NOT_EQUAL: (context) => comparison(context, 'not_equal'),
  LESS: (context) => comparison(context, 'less'),
  LESS_EQUAL: (context) => comparison(context, 'less_equal'),
  GREATER: (context) => comparison(context, 'greater'),
  GREATER_EQUAL: (context) => comparison(context, 'greater_equal'),
  LOGICAL_AND: (context) => comparison(context, 'logical_and'),
  LOGICAL_OR: (context) => comparison(context, 'logical_or'),
  SELECT: selectRows,
  SELECT_V2: select,
} satisfies Converters;
