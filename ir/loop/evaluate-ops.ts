/**
 * Instructions of the interpreter as closures. The record of an instruction says what it computes; the few that fill the
 * inner loops of kernels are written out here as well, because a closure that calls a closure that calls the record's
 * function is three times slower. A test holds both to the same results.
 */
import type { NumberThunk, Thunk } from './evaluate-memory.ts';
import { FAST_VECTOR } from './evaluate-vector.ts';
import { instruction, type Opcode } from './instructions.ts';
import { printExpr } from './print.ts';
import type { Expr } from './types.ts';

type Op = Extract<Expr, { kind: 'op' }>;

function overflow(e: Op, value: number): never {
  throw new RangeError(`${printExpr(e)}: i32 overflow: ${value}`);
}

const fround = Math.fround;

/** Two-operand instructions on numbers. Each is a closure of its own, so that the engine specialises each. */
const FAST: Readonly<Partial<Record<Opcode, (a: NumberThunk, b: NumberThunk, e: Op) => NumberThunk>>> = {
  'i32.add': (a, b, e) => () => {
    const exact = a() + b();
    const result = exact | 0;
    return result === exact ? result : overflow(e, exact);
  },
  'i32.sub': (a, b, e) => () => {
    const exact = a() - b();
    const result = exact | 0;
    return result === exact ? result : overflow(e, exact);
  },
  'i32.mul': (a, b, e) => () => {
    const exact = a() * b();
    const result = exact | 0;
    return result === exact ? result : overflow(e, exact);
  },
  'i32.add_wrap': (a, b) => () => (a() + b()) | 0,
  'i32.sub_wrap': (a, b) => () => (a() - b()) | 0,
  'i32.mul_wrap': (a, b) => () => Math.imul(a(), b()),
  'i32.and': (a, b) => () => a() & b(),
  'i32.or': (a, b) => () => a() | b(),
  'i32.xor': (a, b) => () => a() ^ b(),
  'i32.min_s': (a, b) => () => {
    const x = a();
    const y = b();
    return y < x ? y : x;
  },
  'i32.max_s': (a, b) => () => {
    const x = a();
    const y = b();
    return x < y ? y : x;
  },
  'i32.eq': (a, b) => () => (a() === b() ? 1 : 0),
  'i32.ne': (a, b) => () => (a() !== b() ? 1 : 0),
  'i32.lt_s': (a, b) => () => (a() < b() ? 1 : 0),
  'i32.le_s': (a, b) => () => (a() <= b() ? 1 : 0),
  'i32.gt_s': (a, b) => () => (a() > b() ? 1 : 0),
  'i32.ge_s': (a, b) => () => (a() >= b() ? 1 : 0),
  'f32.add': (a, b) => () => fround(a() + b()),
  'f32.sub': (a, b) => () => fround(a() - b()),
  'f32.mul': (a, b) => () => fround(a() * b()),
};

/** The same with a constant on the right, as index arithmetic mostly has it. */
const FAST_CONST: Readonly<Partial<Record<Opcode, (a: NumberThunk, b: number, e: Op) => NumberThunk>>> = {
  'i32.add': (a, b, e) => () => {
    const exact = a() + b;
    const result = exact | 0;
    return result === exact ? result : overflow(e, exact);
  },
  'i32.mul': (a, b, e) => () => {
    const exact = a() * b;
    const result = exact | 0;
    return result === exact ? result : overflow(e, exact);
  },
};

function rethrow(e: Op, error: unknown): never {
  throw new RangeError(`${printExpr(e)}: ${(error as Error).message}`, { cause: error });
}

/** Calls the record's function; operands are computed outside the `try`, so that an error is quoted once. */
function general(e: Op, a: Thunk, b: Thunk, c: Thunk): Thunk {
  const { evaluate, params } = instruction(e.op);
  const { imm } = e;
  if (params.length === 1) {
    return () => {
      const x = a();
      try {
        return evaluate(x, ...imm);
      } catch (error) {
        return rethrow(e, error);
      }
    };
  }
  if (params.length === 2) {
    return () => {
      const x = a();
      const y = b();
      try {
        return imm.length === 0 ? evaluate(x, y) : evaluate(x, y, ...imm);
      } catch (error) {
        return rethrow(e, error);
      }
    };
  }
  return () => {
    const x = a();
    const y = b();
    const z = c();
    try {
      return evaluate(x, y, z, ...imm);
    } catch (error) {
      return rethrow(e, error);
    }
  };
}

/** The closure of an instruction whose operands are closures. The error of an operand outside its domain quotes `e`. */
export function compileOp(e: Op, args: readonly Thunk[]): Thunk {
  const { params } = instruction(e.op);
  if (args.length !== params.length) {
    throw new Error(`${printExpr(e)}: ${e.op} takes ${params.length} operands, found ${args.length}`);
  }
  const [a, b, c] = args as [Thunk, Thunk, Thunk];
  const right = e.args[1];
  const fastConst = FAST_CONST[e.op];
  if (fastConst !== undefined && right?.kind === 'const') return fastConst(a as NumberThunk, right.value as number, e);
  const vector = FAST_VECTOR[e.op];
  if (vector !== undefined) return vector(a as () => Uint8Array, b as () => Uint8Array, c as () => Uint8Array, e.imm);
  const fast = FAST[e.op];
  return fast === undefined ? general(e, a, b, c) : fast(a as NumberThunk, b as NumberThunk, e);
}
