/** Arithmetic on one or two tensors that spread over a common shape. */
import { elementFacts } from '../elements.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';

/** Integers of under 32 bits are computed in i32, whose low bits are the result's, as in any two's complement. */
export function widened(node: NodeContext, x: Value): Value {
  const { dtype } = x.type;
  return dtype === 'f32' || dtype === 'i32' ? x : { ...node.ops.cast(x, 'i32'), element: x.element };
}

/** The other way: the low bits as the element type of `like`. */
export function narrowed(node: NodeContext, y: Value, like: Value): Value {
  const { range, dtype } = elementFacts(like.element);
  if (range === undefined || like.element === 'int32' || like.element === 'int64')
    return { ...y, element: like.element };
  if (dtype === 'i32') {
    const mask = like.element === 'uint16' ? node.ops.one('bitwise_and', [y, node.ops.i32(0xffff)], {}) : y;
    return { ...mask, element: like.element };
  }
  return node.as(y, like.element);
}

type Formula = (node: NodeContext, a: Value, b: Value) => Value;

/** Two operands; `ops` on floats and on i32. */
function binary(formula: Formula): Converter {
  return (node) => {
    const [a, b] = operandsOf(node);
    return narrowed(node, formula(node, widened(node, a), widened(node, b)), a);
  };
}

/** Before version 7 operand 1 was spread on demand, from an axis that the node may name. */
export function operandsOf(node: NodeContext): [Value, Value] {
  const [a, b] = [node.input(0), node.input(1)];
  if (node.version >= 7 || !node.attributes.flag('broadcast', false) || !node.attributes.has('axis')) return [a, b];
  const axis = node.axis(node.attributes.int('axis', 0), a.type.shape.length);
  const after = a.type.shape.length - axis - b.type.shape.length;
  return [a, node.ops.reshape(b, [...b.type.shape, ...new Array<number>(Math.max(after, 0)).fill(1)])];
}

/** Any number of operands of one type. */
function variadic(formula: Formula): Converter {
  return (node) => {
    const [first, ...rest] = node.inputs();
    const sum = rest.reduce((so, next) => formula(node, so, widened(node, next)), widened(node, first));
    return narrowed(node, sum, first);
  };
}

function unary(formula: (node: NodeContext, x: Value) => Value): Converter {
  return (node) => {
    const x = node.input(0);
    return narrowed(node, formula(node, widened(node, x)), x);
  };
}

const mean: Converter = (node) => {
  const inputs = node.inputs();
  const sum = inputs.slice(1).reduce((so, next) => node.ops.add(so, next), inputs[0]);
  return { ...node.ops.div(sum, node.ops.f32(inputs.length)), element: inputs[0].element };
};

/** The sign of the result is the divisor's, or with fmod the dividend's. */
const mod = binary((node, a, b) =>
  node.ops.one(node.attributes.int('fmod', 0) === 0 ? 'floor_mod' : 'truncated_mod', [a, b], {}),
);

/** Exponents of another type than the base's are taken as floats. */
const pow: Converter = (node) => {
  const [x, exponent] = operandsOf(node);
  const power = node.ops.one('pow', [node.ops.cast(x, 'f32'), node.ops.cast(exponent, 'f32')], {});
  return x.type.dtype === 'f32' ? { ...power, element: x.element } : node.as(power, x.element);
};

const clip: Converter = (node) => {
  const x = node.input(0);
  const { ops } = node;
  const bound = (name: string, index: number): Value | undefined => {
    if (node.attributes.has(name)) return ops.f32(node.attributes.float(name, 0));
    const given = node.optional(index);
    return given && widened(node, given);
  };
  const [low, high] = [bound('min', 1), bound('max', 2)];
  const raised = low === undefined ? widened(node, x) : ops.max(widened(node, x), low);
  return narrowed(node, high === undefined ? raised : ops.min(raised, high), x);
};

const bitShift: Converter = (node) => {
  const [x, count] = [node.input(0), node.input(1)];
  const direction = node.attributes.choice('direction', ['LEFT', 'RIGHT'], 'LEFT');
  const op = direction === 'LEFT' ? 'shift_left' : 'shift_right';
  return narrowed(node, node.ops.one(op, [widened(node, x), widened(node, count)], {}), x);
};

export const ARITHMETIC: Converters = {
  Abs: unary((node, x) => node.ops.unary('abs', x)),
  Neg: unary((node, x) => node.ops.unary('neg', x)),
  Sign: unary((node, x) => node.ops.unary('sign', x)),
  Add: binary((node, a, b) => node.ops.add(a, b)),
  Sub: binary((node, a, b) => node.ops.sub(a, b)),
  Mul: binary((node, a, b) => node.ops.mul(a, b)),
  Div: binary((node, a, b) => node.ops.div(a, b)),
  Mod: mod,
  Pow: pow,
  Max: variadic((node, a, b) => node.ops.max(a, b)),
  Min: variadic((node, a, b) => node.ops.min(a, b)),
  Sum: variadic((node, a, b) => node.ops.add(a, b)),
  Mean: mean,
  Clip: clip,
  BitwiseAnd: binary((node, a, b) => node.ops.one('bitwise_and', [a, b], {})),
  BitwiseOr: binary((node, a, b) => node.ops.one('bitwise_or', [a, b], {})),
  BitwiseXor: binary((node, a, b) => node.ops.one('bitwise_xor', [a, b], {})),
  BitwiseNot: unary((node, x) => node.ops.unary('bitwise_not', x)),
  BitShift: bitShift,
};
