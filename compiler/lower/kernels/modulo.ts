/** Kernels of remainders. */
import { call, expr, FunctionBuilder, f32, i32, op } from '../../../ir/loop/build.ts';
import type { Expr, Func } from '../../../ir/loop/types.ts';
import { elementwise, registerOf } from '../elementwise.ts';
import type { Kernel, KernelBuilder } from '../kernel.ts';

type ModuloOp = 'truncated_mod' | 'floor_mod';

const EXPONENTS = 254;
/** Bits by which a remainder below 2^24 can move left in 32. */
const STEP = 7;

/** The 24-bit integer m and the exponent field e >= 1 with |x| = m * 2^(e - 150). */
function parts(f: FunctionBuilder, name: string, bits: Expr): { readonly mantissa: Expr; readonly exponent: Expr } {
  const field = f.let(`${name}_field`, op('i32.shr_u', [bits, 23]));
  const hidden = op('i32.select', [op('i32.gt_s', [field, 0]), 0x800000, 0]);
  return {
    mantissa: f.let(`${name}_mantissa`, op('i32.or', [op('i32.and', [bits, 0x7fffff]), hidden])),
    exponent: f.let(`${name}_exponent`, op('i32.max_s', [field, 1])),
  };
}

/**
 * fmod on integers: the mantissa of |x| modulo that of |y|, then doubled as often as their exponents differ, seven
 * doublings to a division.
 */
function fmod(): Func {
  const f = new FunctionBuilder('fmod_f32', [
    'the remainder of x / y with the sign of x, exact; NaN of x / 0, infinite x and NaN',
  ]);
  const x = f.scalar('x', 'f32');
  const y = f.scalar('y', 'f32');
  const top = f.let('top', op('i32.and', [op('i32.reinterpret_f32', [x]), 0x7fffffff]));
  const bottom = f.let('bottom', op('i32.and', [op('i32.reinterpret_f32', [y]), 0x7fffffff]));
  const result = f.variable('result', x);
  const remainder = () => {
    const a = parts(f, 'x', top);
    const b = parts(f, 'y', bottom);
    const divisor = f.let('divisor', op('i32.max_s', [b.mantissa, 1]));
    const rest = f.variable('rest', op('i32.rem_s', [a.mantissa, divisor]));
    const doublings = f.variable('doublings', op('i32.sub_wrap', [a.exponent, b.exponent]));
    const more = () => op('i32.gt_s', [doublings.value, 0]);
    f.if(more(), () => {
      f.for('step', 0, Math.ceil(EXPONENTS / STEP), () => {
        f.if(more(), () => {
          const count = f.let('count', op('i32.max_s', [op('i32.min_s', [doublings.value, STEP]), 0]));
          f.set(rest, op('i32.rem_s', [op('i32.shl', [rest.value, count]), divisor]));
          f.set(doublings, op('i32.sub_wrap', [doublings.value, count]));
        });
      });
    });
    const unscaled = op('f32.mul', [op('f32.convert_i32_s', [rest.value]), f32(2 ** -23)]);
    const magnitude = op('f32.mul', [unscaled, op('f32.reinterpret_i32', [op('i32.shl', [b.exponent, 23])])]);
    const sign = op('i32.and', [op('i32.reinterpret_f32', [x]), -(2 ** 31)]);
    f.set(result, op('f32.reinterpret_i32', [op('i32.or', [op('i32.reinterpret_f32', [magnitude]), sign])]));
  };
  const infinity = 0x7f800000;
  const isNumber = op('i32.and', [op('i32.gt_s', [bottom, 0]), op('i32.le_s', [bottom, infinity])]);
  f.if(
    op('i32.and', [op('i32.lt_s', [top, infinity]), isNumber]),
    () => f.if(op('i32.ge_s', [top, bottom]), remainder),
    () => f.set(result, op('f32.div', [op('f32.mul', [x, y]), op('f32.mul', [x, y])])),
  );
  return f.finishWith(result.value);
}

/** `truncatedModI32` of ops/modulo: in the branches the divisor is known not to be 0. */
function remainderI32(k: KernelBuilder, a: Expr, b: Expr): Expr {
  if (b.kind === 'const') return b.value === 0 ? i32(0) : op('i32.rem_s', [a, b]);
  const divisor = k.let('divisor', b);
  const rest = k.variable('rest', i32(0));
  const divide = () => k.set(rest, op('i32.rem_s', [a, divisor]));
  k.if(op('i32.gt_s', [divisor, 0]), divide, () => k.if(op('i32.lt_s', [divisor, 0]), divide));
  return rest.value;
}

/** Adds the divisor to a remainder of the other sign. */
function floored(k: KernelBuilder, rest: Expr, b: Expr): Expr {
  if (registerOf(rest) === 'i32') {
    const differ = op('i32.lt_s', [op('i32.xor', [rest, b]), 0]);
    const isOff = op('i32.and', [op('i32.ne', [rest, 0]), differ]);
    return op('i32.select', [isOff, op('i32.add_wrap', [rest, b]), rest]);
  }
  const isNegative = k.let('is_negative', op('f32.lt', [b, f32(0)]));
  const moved = op('f32.add', [rest, b]);
  const below = op('f32.select', [op('f32.gt', [rest, f32(0)]), moved, rest]);
  const above = op('f32.select', [op('f32.lt', [rest, f32(0)]), moved, rest]);
  const zero = op('f32.select', [isNegative, f32(-0), f32(0)]);
  const value = op('f32.select', [isNegative, below, above]);
  return op('f32.select', [op('f32.eq', [rest, f32(0)]), zero, value]);
}

function modulo<K extends ModuloOp>(kind: K, doc: string): Kernel<K> {
  return elementwise(kind, doc, (k) => {
    const isFloat = k.site.outputs[0].dtype === 'f32';
    const helper = isFloat ? k.helper(fmod()) : undefined;
    return {
      combine: ([a, b]) => {
        const [dividend, divisor] = [expr(a), expr(b)];
        const rest = k.let(
          'rest',
          helper === undefined ? remainderI32(k, dividend, divisor) : call(helper, [dividend, divisor]),
        );
        return kind === 'floor_mod' ? floored(k, rest, divisor) : rest;
      },
    };
  });
}

export const MODULO_KERNELS = {
  truncated_mod: [modulo('truncated_mod', 'y = a - b * trunc(a / b). One loop over equal shapes.')],
  floor_mod: [modulo('floor_mod', 'y = a - b * floor(a / b). One loop over equal shapes.')],
} as const;
