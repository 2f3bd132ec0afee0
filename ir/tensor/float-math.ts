/**
 * The f32 functions that no target has as an instruction, in f32 operations only (and 64-bit integers for the reduction of
 * large angles). No library is called, so every engine gives the same bits. Each says how far it is from the exact value
 * in units of the last place (ulp) of the exact value, over all f32 arguments, and a test measures it.
 */
import { type Algebra, NUMBERS } from './algebra.ts';
import { acos, asin, atan, cos, sin, tan } from './float-math/circular.ts';
import { erf } from './float-math/error-function.ts';
import { cosh, elu, exp, logistic, sinh, tanh } from './float-math/exponential.ts';
import { acosh, asinh, atanh, log, softplus } from './float-math/logarithm.ts';
import { pow } from './float-math/power.ts';

interface FloatFunction {
  /** What it computes; what it gives for NaN, infinities and zeros. */
  readonly doc: string;
  /** The largest error, in ulp. */
  readonly ulp: number;
  readonly define: <F, I, W>(m: Algebra<F, I, W>, x: F) => F;
}

/** Subnormal arguments and results are exact parts of every function's domain and range. */
export const FLOAT_FUNCTIONS = {
  exp: { doc: 'e^x; 0 below -104, infinity above 88.73; NaN of NaN', ulp: 2, define: exp },
  elu: { doc: 'e^x - 1 for x < 0, else x; NaN of NaN', ulp: 2, define: elu },
  logistic: { doc: '1 / (1 + e^-x); NaN of NaN', ulp: 2.5, define: logistic },
  tanh: { doc: 'hyperbolic tangent, of -0 is -0; NaN of NaN', ulp: 2, define: tanh },
  log: { doc: 'natural logarithm; -infinity of 0, NaN of negative x and NaN', ulp: 2, define: log },
  softplus: { doc: 'ln(1 + e^x), infinity of infinity, 0 of -infinity; NaN of NaN', ulp: 2, define: softplus },
  sin: { doc: 'sine of x radians, of -0 is -0; NaN of infinity and NaN', ulp: 2, define: sin },
  cos: { doc: 'cosine of x radians; NaN of infinity and NaN', ulp: 2, define: cos },
  tan: { doc: 'tangent of x radians, of -0 is -0; NaN of infinity and NaN', ulp: 3, define: tan },
  asin: { doc: 'inverse sine, of -0 is -0; NaN beyond 1 and of NaN', ulp: 2, define: asin },
  acos: { doc: 'inverse cosine; NaN beyond 1 and of NaN', ulp: 2, define: acos },
  atan: { doc: 'inverse tangent, pi / 2 of infinity, of -0 is -0; NaN of NaN', ulp: 2.5, define: atan },
  sinh: { doc: 'hyperbolic sine, infinite beyond 89.42, of -0 is -0; NaN of NaN', ulp: 2.5, define: sinh },
  cosh: { doc: 'hyperbolic cosine, infinite beyond 89.42; NaN of NaN', ulp: 2, define: cosh },
  asinh: { doc: 'inverse hyperbolic sine, of -0 is -0; NaN of NaN', ulp: 2.5, define: asinh },
  acosh: { doc: 'inverse hyperbolic cosine; NaN below 1 and of NaN', ulp: 2.5, define: acosh },
  atanh: { doc: 'inverse hyperbolic tangent, infinite of 1 and -1; NaN beyond and of NaN', ulp: 2.5, define: atanh },
  erf: { doc: 'error function, of -0 is -0; NaN of NaN', ulp: 2, define: erf },
} as const satisfies Record<string, FloatFunction>;

export type FloatFunctionName = keyof typeof FLOAT_FUNCTIONS;

/** What the doc of an op that is this function says about its error. */
export function precisionOf(name: FloatFunctionName): string {
  return `f32: within ${FLOAT_FUNCTIONS[name].ulp} ulp of the exact value.`;
}

/** A function on numbers that are f32 values. */
export function floatFunctionOf(name: FloatFunctionName): (x: number) => number {
  const { define } = FLOAT_FUNCTIONS[name];
  return (x) => define(NUMBERS, x);
}

/** The power function, within 1 ulp; special values are those of C's pow. */
export const POWER = {
  doc: 'x^y as C has it: 1 of any x^0 and 1^y, NaN of a negative finite x to a y that is no integer and of other NaN',
  ulp: 1,
  define: pow,
} as const;

/** The power function on numbers that are f32 values. */
export function powOf(x: number, y: number): number {
  return POWER.define(NUMBERS, x, y);
}
