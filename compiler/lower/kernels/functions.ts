/** Kernels of functions of f32, and of sign. */
import { call, FunctionBuilder, f32, i32, op } from '../../../ir/loop/build.ts';
import type { Expr, Func } from '../../../ir/loop/types.ts';
import type { FunctionOp } from '../../../ir/tensor/ops/functions.ts';
import { useFloatFunction, usePower } from '../algebra.ts';
import { elementwise, registerOf } from '../elementwise.ts';
import type { Kernel } from '../kernel.ts';

function library<K extends FunctionOp>(name: K): { readonly [N in K]: readonly Kernel<N>[] } {
  const kernel = elementwise(
    name,
    'for each element: y = f(x), computed. Two pointers and the temporaries of f.',
    (k) => {
      const f = useFloatFunction(k, name);
      return { combine: ([x]) => f(x) };
    },
  );
  return { [name]: [kernel] } as unknown as { readonly [N in K]: readonly Kernel<N>[] };
}

function signExpr(x: Expr): Expr {
  if (registerOf(x) === 'i32') return op('i32.sub', [op('i32.gt_s', [x, 0]), op('i32.lt_s', [x, 0])]);
  const sides = op('i32.sub', [op('f32.gt', [x, f32(0)]), op('f32.lt', [x, f32(0)])]);
  return op('f32.select', [op('f32.eq', [x, x]), op('f32.convert_i32_s', [sides]), x]);
}

const sign = elementwise('sign', 'Two comparisons per element.', () => ({ combine: ([x]) => signExpr(x) }));

/** `powI32` of ops/functions: a square and perhaps a product for each of the 31 bits that an exponent may have. */
function integerPower(): Func {
  const f = new FunctionBuilder('pow_i32', ['a^b modulo 2^32; 1 / a^-b rounded towards zero for negative b, 0 of 0']);
  const a = f.scalar('a', 'i32');
  const b = f.scalar('b', 'i32');
  const power = f.variable('power', i32(1));
  const rest = f.variable('rest', b);
  const square = f.variable('square', a);
  f.for('bit', 0, 31, () => {
    f.if(op('i32.gt_s', [rest.value, 0]), () => {
      f.if(op('i32.and', [rest.value, 1]), () => f.set(power, op('i32.mul_wrap', [power.value, square.value])));
      f.set(square, op('i32.mul_wrap', [square.value, square.value]));
      f.set(rest, op('i32.shr_s', [rest.value, 1]));
    });
  });
  const sign = op('i32.sub', [1, op('i32.shl', [op('i32.and', [b, 1]), 1])]);
  const ofUnits = op('i32.select', [op('i32.eq', [a, -1]), sign, op('i32.eq', [a, 1])]);
  return f.finishWith(op('i32.select', [op('i32.lt_s', [b, 0]), ofUnits, power.value]));
}

const pow = elementwise('pow', 'y = a^b, computed. One loop over equal shapes.', (k) => {
  if (k.site.outputs[0].dtype === 'f32') {
    const f = usePower(k);
    return { combine: ([a, b]) => f(a, b) };
  }
  const helper = k.helper(integerPower());
  return { combine: ([a, b]) => call(helper, [a, b]) };
});

export const FUNCTION_KERNELS = {
  ...library('tan'),
  ...library('asin'),
  ...library('acos'),
  ...library('atan'),
  ...library('sinh'),
  ...library('cosh'),
  ...library('asinh'),
  ...library('acosh'),
  ...library('atanh'),
  ...library('erf'),
  ...library('softplus'),
  sign: [sign],
  pow: [pow],
} as const;
