/** Kernels of functions of f32, and of sign. */
import { f32, op } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
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

const pow = elementwise('pow', 'y = a^b, computed. One loop over equal shapes.', (k) => {
  const f = usePower(k);
  return { combine: ([a, b]) => f(a, b) };
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
