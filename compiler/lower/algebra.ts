/** The algebra of shared functions as loop IR, and the f32 functions as scalar helpers. */
import { call, expr, FunctionBuilder, f32, i32, i64, type Operand, op, typeOf } from '../../ir/loop/build.ts';
import type { Expr, Func } from '../../ir/loop/types.ts';
import type { Algebra } from '../../ir/tensor/algebra.ts';
import { FLOAT_FUNCTIONS, type FloatFunctionName, POWER } from '../../ir/tensor/float-math.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import type { KernelBuilder } from './kernel.ts';

type Opcode = Parameters<typeof op>[0];

const unary = (name: Opcode) => (a: Expr) => op(name, [a]);
const binary = (name: Opcode) => (a: Expr, b: Expr) => op(name, [a, b]);
const select = (name: Opcode) => (condition: Expr, yes: Expr, no: Expr) => op(name, [condition, yes, no]);

const OPERATIONS = {
  f32,
  add: binary('f32.add'),
  sub: binary('f32.sub'),
  mul: binary('f32.mul'),
  div: binary('f32.div'),
  neg: unary('f32.neg'),
  abs: unary('f32.abs'),
  sqrt: unary('f32.sqrt'),
  min: binary('f32.min'),
  max: binary('f32.max'),
  less: binary('f32.lt'),
  select: select('f32.select'),
  bits: unary('i32.reinterpret_f32'),
  float: unary('f32.reinterpret_i32'),
  fromInt: unary('f32.convert_i32_s'),

  i32,
  iadd: binary('i32.add_wrap'),
  isub: binary('i32.sub_wrap'),
  imul: binary('i32.mul_wrap'),
  and: binary('i32.and'),
  or: binary('i32.or'),
  shl: binary('i32.shl'),
  shr: binary('i32.shr_s'),
  imin: binary('i32.min_s'),
  imax: binary('i32.max_s'),
  iless: binary('i32.lt_s'),
  iselect: select('i32.select'),
  clz: unary('i32.clz'),
  sqshl: binary('i32.sqshl'),
  sqadd: binary('i32.sqadd'),
  sqsub: binary('i32.sqsub'),
  sqrdmulh: binary('i32.sqrdmulh'),
  rdivpot: binary('i32.rdivpot'),

  i64,
  wide: unary('i64.extend_i32_s'),
  narrow: unary('i32.wrap_i64'),
  wadd: binary('i64.add_wrap'),
  wsub: binary('i64.sub_wrap'),
  wmul: binary('i64.mul_wrap'),
  wand: binary('i64.and'),
  wor: binary('i64.or'),
  wshl: binary('i64.shl'),
  wshr: binary('i64.shr_s'),
  wselect: select('i64.select'),
  fromWide: unary('f32.convert_i64_s'),
};

/** Operations that put their named values and branches into the function that `builder` makes. */
export function loopAlgebra(builder: FunctionBuilder): Algebra<Expr, Expr, Expr> {
  return {
    ...OPERATIONS,
    let: <V>(name: string, value: V) => builder.let(name, value as Expr) as V,
    fold: (values, start, step) =>
      values.reduce((result, value, place) => builder.let('result', step(result, i32(value), i32(place))), start),
    branch: (condition, yes, no) => {
      const result = builder.variable('result', f32(0));
      builder.if(
        condition,
        () => builder.set(result, yes()),
        () => builder.set(result, no()),
      );
      return result.value;
    },
  };
}

/** A function of one f32 as a scalar helper: `exp_f32(x)`. */
export function floatFunction(name: FloatFunctionName): Func {
  const { doc, define } = FLOAT_FUNCTIONS[name];
  const f = new FunctionBuilder(`${name}_f32`, [doc]);
  const x = f.scalar('x', 'f32');
  return f.finishWith(define(loopAlgebra(f), x));
}

/** x^y as a scalar helper: `pow_f32(x, y)`. */
export function powerFunction(): Func {
  const f = new FunctionBuilder('pow_f32', [POWER.doc]);
  const x = f.scalar('x', 'f32');
  const y = f.scalar('y', 'f32');
  return f.finishWith(POWER.define(loopAlgebra(f), x, y));
}

function asFloat(x: Operand, of: string): Expr {
  const e = expr(x);
  if (typeOf(e) !== 'f32') throw new TypeError(`${of} takes an f32, found ${typeOf(e)}`);
  return e;
}

/** Makes the helper known to the kernel's module and gives the function that calls it. */
export function useFloatFunction<K extends OpName>(k: KernelBuilder<K>, name: FloatFunctionName): (x: Operand) => Expr {
  const helper = k.helper(floatFunction(name));
  return (x) => call(helper, [asFloat(x, name)]);
}

/** As `useFloatFunction`, for x^y. */
export function usePower<K extends OpName>(k: KernelBuilder<K>): (x: Operand, y: Operand) => Expr {
  const helper = k.helper(powerFunction());
  return (x, y) => call(helper, [asFloat(x, 'pow'), asFloat(y, 'pow')]);
}
