/** Branches and variables. */
import type { ConvertContext, Converters } from './context.ts';

/** A known condition leaves one branch; otherwise both are computed and each result is selected. */
function branch(context: ConvertContext): void {
  const condition = context.input(0, 'the condition');
  const { then_subgraph_index: chosen, else_subgraph_index: otherwise } = context.options('IfOptions');
  if (condition.type.dtype !== 'bool' || condition.type.shape.some((extent) => extent !== 1)) {
    context.refuse(
      'one boolean as the condition',
      `${condition.type.dtype} of shape [${condition.type.shape.join(', ')}]`,
    );
  }
  if (condition.data === undefined) context.control.select(condition, chosen, otherwise, 1);
  else context.control.inline(condition.data[0] === 0 ? otherwise : chosen, 1);
}

/** Handles with the same container and name stand for the same variable. */
function variableHandle(context: ConvertContext): void {
  const { container, shared_name: name } = context.options('VarHandleOptions');
  context.control.declare(0, container === '' ? name : `${container}/${name}`);
}

export const CONTROL_CONVERTERS = {
  IF: branch,
  CALL_ONCE: (context) => context.control.initialize(context.options('CallOnceOptions').init_subgraph_index),
  VAR_HANDLE: variableHandle,
  READ_VARIABLE: (context) => context.control.read(0),
  ASSIGN_VARIABLE: (context) => context.control.assign(0, context.input(1, 'the value')),
} satisfies Converters;
