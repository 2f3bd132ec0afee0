/**
 * Scalar code for the four lanes of 128-bit vectors at once.
 *
 * `fourOf(k, vectors, code)` lets `code` spell what becomes of one element, as kernels do for a loop over elements, and adds
 * the same for four: `f32.add` becomes `f32x4.add`, a comparison a mask, `select` a choice of bits, a mutable register a
 * vector. Both sides of an `if` are computed and what they set is chosen by lanes, so functions are branch-free; a helper
 * that is called, such as those of `FLOAT_FUNCTIONS`, is translated once to a helper on vectors (`exp_f32` to `exp_f32x4`).
 * Nothing need be written twice for that: whatever is built of the operations of `Algebra`, or of scalar instructions,
 * gives in each lane the bits that it gives alone.
 *
 * Code with something that has no vector form (64-bit integers, counting zeros, shifts by counts that differ, loads) has
 * none as a whole, and its loop goes element by element: that is what keeps sin and cos scalar. Functions that are to be
 * fast keep to f32, i32, comparisons and constant shifts.
 */
import {
  add,
  type Buffer,
  call,
  expr,
  FunctionBuilder,
  type Operand,
  op,
  typeOf,
  type Variable,
} from '../../ir/loop/build.ts';
import { instruction, type Opcode } from '../../ir/loop/instructions.ts';
import type { Expr, Func, Stmt, Type } from '../../ir/loop/types.ts';
import { hasV128 } from '../targets/index.ts';
import type { KernelBuilder, Site } from './kernel.ts';

/** Lanes of a vector of f32 or i32. */
export const LANES = 4;

/** How a value of the scalar code stands in the vector code. */
type Value =
  /** One scalar, the same for all lanes. */
  | { readonly kind: 'same'; readonly value: Expr }
  /** Lanes of f32 or i32; those of a mask are all ones for the scalar code's 1. */
  | { readonly kind: 'lanes'; readonly value: Expr; readonly lanes: 'f32' | 'i32' | 'mask' };

type Same = Extract<Value, { kind: 'same' }>;

type Spelling = (args: readonly Expr[], name: (e: Expr) => Expr) => Expr;

const vector =
  (name: Opcode): Spelling =>
  (args) =>
    op(name, args);
const swapped =
  (name: Opcode): Spelling =>
  ([a, b]) =>
    op(name, [b as Expr, a as Expr]);
const ones = () => op('i32x4.splat', [-1]);
const negated =
  (spelling: Spelling): Spelling =>
  (args, name) =>
    op('v128.xor', [spelling(args, name), ones()]);
/** For comparisons that also hold where both are equal. */
const orEqual =
  (spelling: Spelling): Spelling =>
  (args, name) => {
    const named = args.map(name);
    return op('v128.or', [spelling(named, name), op('f32x4.eq', named)]);
  };
/** Shifts left and then right by the bits above a narrow integer. */
const extended =
  (bits: number): Spelling =>
  ([a]) =>
    op('i32x4.shr_s', [op('i32x4.shl', [a as Expr, bits]), bits]);

/** Instructions that give f32 or i32 lanes. */
const SPELLINGS: { readonly [K in Opcode]?: Spelling } = {
  'f32.add': vector('f32x4.add'),
  'f32.sub': vector('f32x4.sub'),
  'f32.mul': vector('f32x4.mul'),
  'f32.div': vector('f32x4.div'),
  'f32.min': vector('f32x4.pmin'),
  'f32.max': vector('f32x4.pmax'),
  'f32.abs': vector('f32x4.abs'),
  'f32.neg': vector('f32x4.neg'),
  'f32.sqrt': vector('f32x4.sqrt'),
  'f32.floor': vector('f32x4.floor'),
  'f32.ceil': vector('f32x4.ceil'),
  'f32.nearest': vector('f32x4.nearest'),
  'f32.trunc': ([a], name) => {
    const x = name(a as Expr);
    const sign = op('v128.and', [x, op('i32x4.splat', [-(2 ** 31)])]);
    return op('v128.or', [op('f32x4.floor', [op('f32x4.abs', [x])]), sign]);
  },
  'f32.convert_i32_s': vector('f32x4.convert_i32x4_s'),
  'f32.reinterpret_i32': ([a]) => a as Expr,
  'i32.reinterpret_f32': ([a]) => a as Expr,
  'i32.trunc_sat_f32_s': vector('i32x4.trunc_sat_f32x4_s'),
  'i32.add': vector('i32x4.add'),
  'i32.sub': vector('i32x4.sub'),
  'i32.mul': vector('i32x4.mul'),
  'i32.add_wrap': vector('i32x4.add'),
  'i32.sub_wrap': vector('i32x4.sub'),
  'i32.mul_wrap': vector('i32x4.mul'),
  'i32.and': vector('v128.and'),
  'i32.or': vector('v128.or'),
  'i32.xor': vector('v128.xor'),
  'i32.min_s': vector('i32x4.min_s'),
  'i32.max_s': vector('i32x4.max_s'),
  'i32.extend8_s': extended(24),
  'i32.extend16_s': extended(16),
};

/** Instructions that give a mask. */
const MASKS: { readonly [K in Opcode]?: Spelling } = {
  'f32.eq': vector('f32x4.eq'),
  'f32.ne': negated(vector('f32x4.eq')),
  'f32.lt': vector('f32x4.lt'),
  'f32.gt': swapped('f32x4.lt'),
  'f32.le': orEqual(vector('f32x4.lt')),
  'f32.ge': orEqual(swapped('f32x4.lt')),
  'i32.eq': vector('i32x4.eq'),
  'i32.ne': negated(vector('i32x4.eq')),
  'i32.lt_s': swapped('i32x4.gt_s'),
  'i32.gt_s': vector('i32x4.gt_s'),
  'i32.le_s': negated(vector('i32x4.gt_s')),
  'i32.ge_s': negated(swapped('i32x4.gt_s')),
};

/** Instructions whose second operand must be the same for all lanes. */
const SHIFTS: { readonly [K in Opcode]?: Opcode } = {
  'i32.shl': 'i32x4.shl',
  'i32.shr_s': 'i32x4.shr_s',
  'i32.shr_u': 'i32x4.shr_u',
};

const OF_MASKS: ReadonlySet<Opcode> = new Set<Opcode>(['i32.and', 'i32.or', 'i32.xor']);
const SELECTS: ReadonlySet<Opcode> = new Set<Opcode>(['i32.select', 'f32.select']);

function fits(type: Type): type is 'f32' | 'i32' {
  return type === 'f32' || type === 'i32';
}

type Helpers = (name: string) => Func;

/** Whether every part of the code has a vector form. */
function isVectorCode(list: readonly Stmt[], helpers: Helpers): boolean {
  return list.every((s) => isVectorStatement(s, helpers));
}

function isVectorStatement(s: Stmt, helpers: Helpers): boolean {
  switch (s.kind) {
    case 'let':
    case 'set':
    case 'return':
      return isVectorValue(s.value, helpers);
    case 'var':
      return isVectorValue(s.init, helpers);
    case 'if':
      return isVectorValue(s.cond, helpers) && isVectorCode([...s.body, ...s.orElse], helpers);
    case 'comment':
      return true;
    case 'for':
    case 'store':
      return false;
  }
}

function isVectorValue(e: Expr, helpers: Helpers): boolean {
  switch (e.kind) {
    case 'const':
    case 'var':
      return fits(typeOf(e));
    case 'load':
      return false;
    case 'call': {
      const { params, body } = helpers(e.fn);
      const isScalar = params.every((param) => param.kind === 'scalar' && fits(param.type));
      return (
        isScalar && fits(e.type) && isVectorCode(body, helpers) && e.args.every((arg) => isVectorValue(arg, helpers))
      );
    }
    case 'op': {
      const isShift = e.op in SHIFTS && e.args[1]?.kind === 'const';
      const isKnown = e.op in SPELLINGS || e.op in MASKS || SELECTS.has(e.op) || isShift;
      return isKnown && e.args.every((arg) => isVectorValue(arg, helpers));
    }
  }
}

/** Spells vector code into a builder. */
class Translation {
  private readonly values = new Map<string, Value>();
  private readonly registers = new Map<string, { readonly variable: Variable; readonly lanes: 'f32' | 'i32' }>();
  /** The lanes that take the statements at hand; undefined: all. */
  private mask: Expr | undefined;
  private readonly k: KernelBuilder;
  private readonly builder: FunctionBuilder;

  constructor(k: KernelBuilder, builder: FunctionBuilder) {
    this.k = k;
    this.builder = builder;
  }

  bind(name: string, value: Expr, lanes: 'f32' | 'i32'): void {
    this.values.set(name, { kind: 'lanes', value, lanes });
  }

  /** As a vector of f32 or i32; a mask becomes ones and zeros. */
  vector(e: Expr): Expr {
    return this.vectorOf(this.value(e));
  }

  private vectorOf(value: Value): Expr {
    if (value.kind === 'same') {
      return op(typeOf(value.value) === 'f32' ? 'f32x4.splat' : 'i32x4.splat', [value.value]);
    }
    return value.lanes === 'mask' ? op('v128.and', [value.value, op('i32x4.splat', [1])]) : value.value;
  }

  /** All ones in the lanes where the condition is not 0. */
  private maskOf(value: Value): Expr {
    if (value.kind === 'same') return op('i32x4.splat', [op('i32.select', [value.value, -1, 0])]);
    if (value.lanes === 'mask') return value.value;
    return op('v128.xor', [op('i32x4.eq', [value.value, op('i32x4.splat', [0])]), ones()]);
  }

  private readonly name = (e: Expr): Expr => this.builder.let('v', e);

  private value(e: Expr): Value {
    switch (e.kind) {
      case 'const':
        return { kind: 'same', value: e };
      case 'var': {
        const register = this.registers.get(e.name);
        if (register) return { kind: 'lanes', value: register.variable.value, lanes: register.lanes };
        // A register of the code around is the same for all lanes.
        return this.values.get(e.name) ?? { kind: 'same', value: e };
      }
      case 'load':
        throw new TypeError('code for lanes may not load');
      case 'call':
        return this.called(e);
      case 'op':
        return this.operation(e);
    }
  }

  private operation(e: Extract<Expr, { kind: 'op' }>): Value {
    const args = e.args.map((arg) => this.value(arg));
    if (args.every((arg) => arg.kind === 'same')) {
      const same = args.map((arg) => (arg as Same).value);
      return { kind: 'same', value: op(e.op, same, e.imm) };
    }
    const mask = MASKS[e.op];
    if (mask !== undefined) return { kind: 'lanes', lanes: 'mask', value: mask(this.vectors(args), this.name) };
    const lanes = instruction(e.op).result as 'f32' | 'i32';
    const shift = SHIFTS[e.op];
    if (shift !== undefined) {
      const [x, count] = args as [Value, Same];
      return { kind: 'lanes', lanes, value: op(shift, [this.vectorOf(x), count.value]) };
    }
    if (SELECTS.has(e.op)) {
      const [condition, yes, no] = args as [Value, Value, Value];
      const value = op('v128.bitselect', [this.vectorOf(yes), this.vectorOf(no), this.maskOf(condition)]);
      return { kind: 'lanes', lanes, value };
    }
    const spelling = SPELLINGS[e.op];
    if (spelling === undefined) throw new TypeError(`${e.op} has no lanes`);
    if (OF_MASKS.has(e.op) && args.every((arg) => arg.kind === 'lanes' && arg.lanes === 'mask')) {
      const masks = args.map((arg) => this.maskOf(arg));
      return { kind: 'lanes', lanes: 'mask', value: spelling(masks, this.name) };
    }
    return { kind: 'lanes', lanes, value: spelling(this.vectors(args), this.name) };
  }

  private vectors(args: readonly Value[]): Expr[] {
    return args.map((arg) => this.vectorOf(arg));
  }

  private called(e: Extract<Expr, { kind: 'call' }>): Value {
    const args = e.args.map((arg) => this.value(arg));
    const scalar = this.k.helperNamed(e.fn);
    if (args.every((arg) => arg.kind === 'same')) {
      const same = args.map((arg) => (arg as Same).value);
      return { kind: 'same', value: call(scalar, same) };
    }
    const helper = this.k.helper(vectorHelper(this.k, scalar));
    return { kind: 'lanes', lanes: scalar.result as 'f32' | 'i32', value: call(helper, this.vectors(args)) };
  }

  statements(list: readonly Stmt[]): void {
    for (const s of list) this.statement(s);
  }

  private statement(s: Stmt): void {
    const { builder } = this;
    switch (s.kind) {
      case 'let': {
        const value = this.value(s.value);
        this.values.set(s.name, { ...value, value: builder.let(s.name, value.value) });
        return;
      }
      case 'var': {
        const variable = builder.variable(s.name, this.vector(s.init));
        this.registers.set(s.name, { variable, lanes: s.type as 'f32' | 'i32' });
        return;
      }
      case 'set': {
        const register = this.registers.get(s.name);
        if (register === undefined) throw new TypeError(`code for lanes sets ${s.name}, which is declared around it`);
        const next = this.vector(s.value);
        const { variable } = register;
        const { mask } = this;
        builder.set(variable, mask === undefined ? next : op('v128.bitselect', [next, variable.value, mask]));
        return;
      }
      case 'if':
        this.conditional(s);
        return;
      case 'comment':
        return;
      default:
        throw new TypeError(`code for lanes may not ${s.kind}`);
    }
  }

  private conditional(s: Extract<Stmt, { kind: 'if' }>): void {
    const { builder, mask: around } = this;
    const condition = this.value(s.cond);
    if (condition.kind === 'same') {
      builder.if(
        condition.value,
        () => this.statements(s.body),
        () => this.statements(s.orElse),
      );
      return;
    }
    const taken = builder.let('taken', this.maskOf(condition));
    const under = (mask: Expr, list: readonly Stmt[]): void => {
      this.mask = around === undefined ? mask : builder.let('both', op('v128.and', [around, mask]));
      this.statements(list);
      this.mask = around;
    };
    under(taken, s.body);
    if (s.orElse.length > 0) under(builder.let('other', op('v128.xor', [taken, ones()])), s.orElse);
  }
}

/** A scalar helper's vector form: `exp_f32x4` of `exp_f32`. */
function vectorHelper(k: KernelBuilder, scalar: Func): Func {
  const builder = new FunctionBuilder(`${scalar.name}x${LANES}`, scalar.doc);
  const translation = new Translation(k, builder);
  for (const param of scalar.params) {
    if (param.kind !== 'scalar') throw new TypeError(`${scalar.name} takes a buffer`);
    translation.bind(param.name, builder.scalar(param.name, 'v128'), param.type as 'f32' | 'i32');
  }
  const last = scalar.body.at(-1);
  if (last?.kind !== 'return') throw new TypeError(`${scalar.name} does not end in return`);
  translation.statements(scalar.body.slice(0, -1));
  return builder.finishWith(translation.vector(last.value));
}

type Code = (elements: readonly Expr[]) => Operand;

/** An operand's element in captured code. A name with a blank meets no other. */
function element(i: number): { readonly name: string; readonly value: Expr } {
  const name = `element ${i}`;
  return { name, value: { kind: 'var', name, type: 'f32' } };
}

/** Whether `fourOf` can spell the code of so many operands. */
export function hasVectorForm(k: KernelBuilder, operands: number, code: Code): boolean {
  const elements = Array.from({ length: operands }, (_, i) => element(i).value);
  const { body, value } = k.capture(() => expr(code(elements)));
  const helpers = (name: string) => k.helperNamed(name);
  return isVectorCode(body, helpers) && isVectorValue(value, helpers);
}

/**
 * Four times what `code`, which has a vector form, makes of one f32 element of each operand, as a vector of f32 or i32. An
 * operand is a vector, or a scalar for all four; so is whatever else `code` names of the kernel around it.
 */
export function fourOf(k: KernelBuilder, operands: readonly Expr[], code: Code): Expr {
  const isVector = operands.map((x) => typeOf(x) === 'v128');
  const { body, value } = k.capture(() => expr(code(operands.map((x, i) => (isVector[i] ? element(i).value : x)))));
  const translation = new Translation(k, k);
  operands.forEach((x, i) => {
    if (isVector[i]) translation.bind(element(i).name, k.let('x', x), 'f32');
  });
  translation.statements(body);
  return translation.vector(value);
}

/** Element i of a loop's operand; with access `v128` it and the three that follow, or one scalar for all. */
export type Elements = (index: Expr, access?: 'v128') => Expr;

/** Whether a loop over so many elements of the node may go in vectors: all its tensors are float32. */
export function inLanes({ target, inputs, outputs }: Site, count: number): boolean {
  return hasV128(target) && count >= LANES && [...inputs, ...outputs].every(({ dtype }) => dtype === 'f32');
}

/** What becomes of a loop's results. */
interface Results {
  /** Element i is stored at `first + i`. */
  readonly y?: Buffer;
  readonly first: Operand;
  /** Gets each result, in order. */
  readonly then?: (result: Expr) => void;
}

/**
 * For each of `count` elements: y[first + i] = code of element i of each operand. Float32 goes in vectors where the target
 * has them and the code a vector form; each vector is loaded before its result is stored, and after all that lies below it.
 */
export function forElements(
  k: KernelBuilder,
  count: number,
  operands: readonly Elements[],
  { y, first, then }: Results,
  code: Code,
): void {
  const isFast = inLanes(k.site, count) && hasVectorForm(k, operands.length, code);
  const whole = isFast ? count - (count % LANES) : 0;
  const fours = (i: Expr): void => {
    const loaded = operands.map((at) => at(i, 'v128'));
    const result = fourOf(k, loaded, code);
    const four = then === undefined ? result : k.let('four', result);
    if (y !== undefined) k.store(y, add(first, i), four, 'v128');
    if (then === undefined) return;
    for (let lane = 0; lane < LANES; lane++) then(op('f32x4.extract_lane', [four], [lane]));
  };
  k.for('i', 0, whole, fours, { step: LANES });
  k.for('i', whole, count, (i) => {
    const result = code(operands.map((at) => at(i)));
    const one = then === undefined ? result : k.let('one', result);
    if (y !== undefined) k.store(y, add(first, i), one);
    then?.(expr(one));
  });
}
