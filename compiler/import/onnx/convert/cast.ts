/** Other element types. */
import { type Element, elementFacts, elementOfCode, isFloatElement } from '../elements.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';

const FORMATS = {
  float16: 'f16',
  bfloat16: 'bf16',
  float8e4m3fn: 'e4m3fn',
  float8e4m3fnuz: 'e4m3fnuz',
  float8e5m2: 'e5m2',
  float8e5m2fnuz: 'e5m2fnuz',
  float4e2m1: 'e2m1',
  float8e8m0: 'e8m0',
} as const satisfies Partial<Record<Element, string>>;

/** The nearest value of the element type, by ONNX's rules of Cast. */
export function castTo(node: NodeContext, x: Value, element: Element, saturate: boolean): Value {
  const { ops } = node;
  if (element === x.element) return x;
  if (isFloatElement(element)) {
    const wide = ops.cast(x, 'f32');
    const format = element in FORMATS ? FORMATS[element as keyof typeof FORMATS] : undefined;
    const rounded = format === undefined ? wide : ops.one('round_float', [wide], { format, saturate });
    return { ...rounded, element };
  }
  return { ...integerOf(node, x, element), element };
}

/** Integers keep their low bits; floats are cut to whole numbers first. */
function integerOf(node: NodeContext, x: Value, element: Element): Value {
  const { ops } = node;
  const { bits, dtype, range } = elementFacts(element);
  if (dtype === 'bool') return ops.cast(x, 'bool');
  const whole = ops.cast(x, 'i32');
  if (bits >= 32) return whole;
  if (bits === 8 || element === 'int16') return ops.cast(whole, dtype);
  const up = ops.i32(32 - bits);
  if (range?.[0] === 0) return ops.cast(ops.one('bitwise_and', [whole, ops.i32(2 ** bits - 1)], {}), dtype);
  const low = ops.one('shift_left', [whole, up], {});
  return ops.cast(ops.div(low, ops.i32(2 ** (32 - bits))), dtype);
}

function elementOf(node: NodeContext, code: number): Element {
  return elementOfCode(code) ?? node.refuse('numbers or booleans as the element type', `type ${code}`);
}

const cast: Converter = (node) => {
  node.attributes.ignore('round_mode');
  const target = elementOf(node, node.attributes.int('to', 0));
  return castTo(node, node.input(0), target, node.attributes.flag('saturate', true));
};

const castLike: Converter = (node) => {
  node.attributes.ignore('round_mode');
  return castTo(node, node.input(0), node.input(1).element, node.attributes.flag('saturate', true));
};

/** The same bits as another type of as many; those of floats have no counterpart. */
const bitCast: Converter = (node) => {
  const x = node.input(0);
  const target = elementOf(node, node.attributes.int('to', 0));
  const [from, to] = [elementFacts(x.element), elementFacts(target)];
  const fits = from.bits === to.bits && from.bits <= 16 && !isFloatElement(x.element) && !isFloatElement(target);
  if (!fits) return node.refuse('integers of at most 16 bits', `${x.element} as ${target}`);
  return { ...integerOf(node, x, target), element: target };
};

export const CAST: Converters = { Cast: cast, CastLike: castLike, BitCast: bitCast };
