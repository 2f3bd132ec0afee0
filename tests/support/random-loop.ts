/**
 * Random valid functions of loop IR, for comparing engines: run `fn` on `buffers` in each and compare the buffers' bytes.
 *
 * Every function passes the verifier and runs without error. Checked arithmetic gets operands narrowed so far that it cannot overflow;
 * indices, shift counts and divisors are kept in their domain by construction, each in one of several ways.
 *
 * Floats: NaN occurs in registers, but its bits are never seen, since engines may choose them. A float is replaced by zero
 * when it is NaN before it is stored or reinterpreted, and so is every NaN lane of a float vector instruction's result.
 */
import {
  add,
  affine,
  type Buffer,
  call,
  clamp,
  FunctionBuilder,
  f32,
  f64,
  i32,
  i64,
  inRange,
  op,
  type Variable,
} from '../../ir/loop/build.ts';
import { accessCount } from '../../ir/loop/evaluate-memory.ts';
import { instruction, OPCODES, type Opcode } from '../../ir/loop/instructions.ts';
import {
  ACCESS_BYTES,
  ACCESS_TYPE,
  type Access,
  type BufferParam,
  ELEM_BYTES,
  type Elem,
  type Expr,
  type Func,
  type ScalarType,
  STORABLE,
  type Type,
} from '../../ir/loop/types.ts';
import { Random } from './random.ts';

export interface LoopCase {
  readonly fn: Func;
  readonly helpers: readonly Func[];
  /** Contents of the buffer parameters in order, as raw bytes. A run modifies them: copy them first. */
  readonly buffers: readonly Uint8Array[];
}

const ALL_ACCESSES = Object.keys(ACCESS_BYTES) as readonly Access[];
/** Those that WebAssembly has: not the first bytes of a vector, which are Helium's. */
export const WASM_ACCESSES = ALL_ACCESSES.filter((access) => !access.startsWith('first'));
const SCALARS: readonly ScalarType[] = ['i32', 'i64', 'f32', 'f64'];
const I32_EDGES = [0, 1, -1, 2, 127, -128, 255, 32767, -32768, 65535, 2 ** 31 - 1, -(2 ** 31), 0x12345678];
const I64_EDGES = [0n, 1n, -1n, 2n ** 31n, -(2n ** 31n), 2n ** 32n - 1n, 2n ** 63n - 1n, -(2n ** 63n), 3n ** 39n];
const F32_EDGES = [0, -0, 1, -1, 0.5, 1.5, -2.5, 1e10, -3e38, 1e-40, Infinity, -Infinity, NaN, 16777217, -0.49999997];
const F64_EDGES = [...F32_EDGES, 0.1, 2 ** 31, -(2 ** 31) - 1, 2 ** 63, 4503599627370495.5, 5e-324, 1e300];

const BY_RESULT = new Map<Type, readonly Opcode[]>(
  ([...SCALARS, 'v128'] as const).map((type) => [type, OPCODES.filter((name) => instruction(name).result === type)]),
);

/** A register that is a loop variable, with what it can be. */
interface Counter {
  readonly value: Expr;
  readonly low: number;
  readonly high: number;
}

/** What may be used at a point of the function. */
interface Scope {
  readonly values: readonly Expr[];
  readonly variables: readonly Variable[];
  readonly counters: readonly Counter[];
}

const zeroIfNan = (e: Expr): Expr => op('f32.select', [op('f32.eq', [e, e]), e, f32(0)]);
/** f64 has no `eq`; infinities become zero as well. */
const zeroIfNan64 = (e: Expr): Expr => op('f64.select', [op('f64.lt', [op('f64.abs', [e]), f64(Infinity)]), e, f64(0)]);
const zeroNanLanes = (e: Expr): Expr => op('v128.and', [e, op('f32x4.eq', [e, e])]);

/** Instructions whose result has float lanes, NaN or not. */
const FLOAT_LANES = /^f32x4\.(?!lt$|eq$|extract_lane$)/;

const SHIFTS: Readonly<Partial<Record<Opcode, number>>> = {
  'i32.shl': 31,
  'i32.shr_s': 31,
  'i32.shr_u': 31,
  'i32.rdivpot': 31,
  'i32.sqshl': 31,
  'i16x8.shl': 15,
  'i16x8.shr_s': 15,
  'i16x8.shr_u': 15,
  'i32x4.shl': 31,
  'i32x4.shr_s': 31,
  'i32x4.shr_u': 31,
};

class Generator {
  private readonly random: Random;
  private readonly builder: FunctionBuilder;
  private readonly helpers: readonly Func[];
  private readonly buffers: readonly Buffer[];
  private readonly accesses: readonly Access[];
  private scope: Scope = { values: [], variables: [], counters: [] };

  constructor(
    random: Random,
    builder: FunctionBuilder,
    helpers: readonly Func[],
    buffers: readonly Buffer[],
    accesses: readonly Access[] = ALL_ACCESSES,
  ) {
    this.random = random;
    this.builder = builder;
    this.helpers = helpers;
    this.buffers = buffers;
    this.accesses = accesses;
  }

  addValue(value: Expr): void {
    if (value.kind !== 'const') this.scope = { ...this.scope, values: [...this.scope.values, value] };
  }

  /** Some statements; `depth` more levels of loops and branches may be inside. */
  statements(count: number, depth: number): void {
    for (let i = 0; i < count; i++) this.statement(depth);
  }

  private statement(depth: number): void {
    const { random, builder } = this;
    const choice = random.int(0, 9);
    if (choice <= 1) this.addValue(builder.let('t', this.expr(this.type(), 3)));
    else if (choice === 2) this.variable();
    else if (choice === 3 && this.scope.variables.length > 0) {
      const variable = random.pick(this.scope.variables);
      builder.set(variable, this.expr(variable.type, 3));
    } else if (choice <= 5 && depth > 0) this.loop(depth);
    else if (choice === 6 && depth > 0) this.branch(depth);
    else if (choice === 7) builder.comment(random.pick(['plain', '', 'back\\slash', ' two spaces', 'a\nb']));
    else this.store();
  }

  /** The same without buffers and nesting, for helpers. */
  helperStatements(count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.random.chance(0.5)) this.variable();
      else this.addValue(this.builder.let('t', this.expr(this.type(), 3)));
      const { variables } = this.scope;
      if (variables.length === 0) continue;
      const variable = this.random.pick(variables);
      this.builder.if(this.expr('i32', 2), () => this.builder.set(variable, this.expr(variable.type, 2)));
    }
  }

  private variable(): void {
    const variable = this.builder.variable('v', this.expr(this.type(), 2));
    const { values, variables, counters } = this.scope;
    this.scope = { values: [...values, variable.value], variables: [...variables, variable], counters };
  }

  private type(): Type {
    return this.random.pick<Type>(['i32', 'i32', 'i64', 'f32', 'f64', 'v128']);
  }

  private inside(body: () => void): void {
    const outer = this.scope;
    body();
    this.scope = outer;
  }

  private loop(depth: number): void {
    const { random, builder } = this;
    const start = random.chance(0.7) ? 0 : random.int(-5, 5);
    const step = random.int(1, 3);
    const trips = random.int(2, 4);
    const end = start + (trips - 1) * step + random.int(1, step);
    const body = (value: Expr) =>
      this.inside(() => {
        const counter = { value, low: start, high: start + (trips - 1) * step };
        const { values, variables, counters } = this.scope;
        this.scope = { values: [...values, value], variables, counters: [...counters, counter] };
        this.statements(random.int(1, 4), depth - 1);
      });
    builder.for('i', start, end, body, { step, unroll: random.chance(0.3) });
  }

  private branch(depth: number): void {
    const { random, builder } = this;
    const orElse = random.chance(0.5)
      ? () => this.inside(() => this.statements(random.int(1, 3), depth - 1))
      : () => {};
    if (random.chance(0.5)) {
      builder.if(this.expr('i32', 3), () => this.inside(() => this.statements(random.int(1, 3), depth - 1)), orElse);
      return;
    }
    // A guarded access: the verifier proves it from the condition.
    const value = builder.let('g', this.wideIndex());
    const buffer = random.pick(this.buffers);
    builder.if(
      inRange(value, 0, buffer.length),
      () =>
        this.inside(() => {
          this.addValue(builder.let('t', buffer.at(value)));
          this.statements(random.int(1, 2), depth - 1);
        }),
      orElse,
    );
  }

  /** Sometimes in bounds, sometimes not; no constant. */
  private wideIndex(): Expr {
    const { random } = this;
    const base = op('i32.ssat', [this.load('i32')], [6]);
    const counter = this.scope.counters.at(-1);
    return add(base, counter === undefined ? random.int(-8, 8) : counter.value);
  }

  store(): void {
    const { random, builder } = this;
    const buffer = random.pick(this.buffers.filter(({ param }) => param.access === 'out' || param.access === 'inout'));
    const fitting = this.accesses.filter((how) => STORABLE.has(how) && accessCount(buffer.param, how) > 0);
    const access = random.chance(0.5) ? buffer.param.elem : random.pick(fitting);
    builder.store(buffer, this.index(buffer.param, access), this.visible(ACCESS_TYPE[access]), access);
  }

  /** An expression whose bits may be looked at. */
  private visible(type: Type): Expr {
    const value = this.expr(type, 4);
    if (type !== 'f32' && type !== 'f64') return value;
    const named = this.builder.let('n', value);
    return type === 'f32' ? zeroIfNan(named) : zeroIfNan64(named);
  }

  /** An index with which this access is in bounds. */
  private index(param: BufferParam, access: Access): Expr {
    const { random } = this;
    const last = accessCount(param, access) - 1;
    const counter = this.scope.counters.length > 0 ? random.pick(this.scope.counters) : undefined;
    const spread = counter === undefined ? Infinity : counter.high - counter.low;
    const choice = random.int(0, 9);
    if (counter !== undefined && spread <= last && choice < 5) {
      const stride = random.int(1, Math.floor(last / spread));
      const offset = random.int(0, last - spread * stride) - counter.low * stride;
      return affine([[counter.value, stride]], offset);
    }
    if (choice <= 5) return i32(random.int(0, last));
    const any = this.expr('i32', 1);
    const bits = Math.floor(Math.log2(last + 1));
    if (choice === 6) return op('i32.and', [any, 2 ** bits - 1]);
    if (choice === 7) return op('i32.usat', [any], [bits]);
    if (choice === 8) return op('i32.rem_s', [op('i32.usat', [any], [20]), last + 1]);
    return clamp(any, 0, last);
  }

  private load(type: Type): Expr {
    const { random } = this;
    const accesses = this.accesses.filter((access) => ACCESS_TYPE[access] === type);
    const buffer = random.pick(this.buffers);
    const { elem } = buffer.param;
    const own = ACCESS_TYPE[elem] === type && random.chance(0.5);
    const access = own ? elem : random.pick(accesses.filter((how) => accessCount(buffer.param, how) > 0));
    const last = accessCount(buffer.param, access) - 1;
    const index = random.chance(0.4) ? i32(random.int(0, last)) : this.index(buffer.param, access);
    return buffer.at(index, access);
  }

  private leaf(type: Type): Expr {
    const { random } = this;
    const values = this.scope.values.filter((value) => 'type' in value && value.type === type);
    if (values.length > 0 && random.chance(0.5)) return random.pick(values);
    if (this.buffers.length > 0 && (type === 'v128' || random.chance(0.5))) return this.load(type);
    switch (type) {
      case 'i32':
        return i32(random.chance(0.5) ? random.pick(I32_EDGES) : random.bits() | 0);
      case 'i64':
        return i64(random.pick(I64_EDGES));
      case 'f32':
        return f32(random.pick(F32_EDGES));
      case 'f64':
        return f64(random.pick(F64_EDGES));
      case 'v128':
        return op('i32x4.splat', [random.bits() | 0]);
    }
  }

  expr(type: Type, depth: number): Expr {
    const { random } = this;
    if (depth <= 0 || random.chance(0.15)) return this.leaf(type);
    const helpers = this.helpers.filter((helper) => helper.result === type);
    if (helpers.length > 0 && random.chance(0.08)) {
      const helper = random.pick(helpers);
      const args = helper.params.map((param) => (param.kind === 'scalar' ? this.expr(param.type, depth - 1) : i32(0)));
      return call(helper, args);
    }
    return this.instruction(random.pick(BY_RESULT.get(type) as readonly Opcode[]), depth - 1);
  }

  /** One instruction with operands from its domain. */
  private instruction(name: Opcode, depth: number): Expr {
    const { random } = this;
    const { params, imm } = instruction(name);
    const least = name === 'i32.ssat' ? 1 : 0;
    const constants = Array.from({ length: imm?.count ?? 0 }, () => random.int(least, (imm?.bound ?? 1) - 1));
    const args = params.map((type) => this.expr(type, depth));
    const result = op(name, this.inDomain(name, args), constants);
    if (!FLOAT_LANES.test(name)) return result;
    return zeroNanLanes(this.builder.let('n', result));
  }

  private inDomain(name: Opcode, args: readonly Expr[]): readonly Expr[] {
    const { random } = this;
    const [a, b] = args as [Expr, Expr];
    const most = SHIFTS[name];
    if (most !== undefined) return [a, random.chance(0.5) ? i32(random.int(0, most)) : op('i32.and', [b, most])];
    switch (name) {
      case 'i32.add':
      case 'i32.sub':
        return [op('i32.ssat', [a], [31]), op('i32.ssat', [b], [31])];
      case 'i32.mul':
        return [op('i32.ssat', [a], [16]), op('i32.ssat', [b], [16])];
      case 'i64.add':
      case 'i64.sub':
        return [op('i64.shr_s', [a, i64(1)]), op('i64.shr_s', [b, i64(1)])];
      case 'i64.mul':
        return [op('i64.shr_s', [a, i64(32)]), op('i64.shr_s', [b, i64(32)])];
      case 'i32.div_s':
      case 'i32.rem_s':
        return [a, random.chance(0.5) ? op('i32.max_s', [b, 1]) : op('i32.min_s', [b, -2])];
      case 'i64.shl':
      case 'i64.shr_s':
        return [a, random.chance(0.5) ? i64(random.int(0, 63)) : op('i64.and', [b, i64(63)])];
      case 'i32.reinterpret_f32':
        return [zeroIfNan(this.builder.let('n', a))];
      default:
        return args;
    }
  }
}

function helper(random: Random, index: number, helpers: readonly Func[]): Func {
  const builder = new FunctionBuilder(`helper${index}`, [`random helper ${index}`]);
  const generator = new Generator(random, builder, helpers, []);
  const count = random.int(1, 3);
  for (let i = 0; i < count; i++) generator.addValue(builder.scalar('p', random.pick(SCALARS)));
  const result = random.pick(SCALARS);
  generator.helperStatements(random.int(0, 3));
  return builder.finishWith(generator.expr(result, 4));
}

const BUFFERS: readonly (readonly [string, Elem, number, BufferParam['access']])[] = [
  ['a8', 'i8', 70, 'in'],
  ['au8', 'u8', 65, 'rom'],
  ['a16', 'i16', 40, 'in'],
  ['au16', 'u16', 33, 'in'],
  ['a32', 'i32', 24, 'in'],
  ['a64', 'i64', 12, 'rom'],
  ['af', 'f32', 24, 'in'],
  ['ad', 'f64', 12, 'in'],
  ['o8', 'i8', 96, 'out'],
  ['ou8', 'u8', 40, 'inout'],
  ['o16', 'i16', 40, 'inout'],
  ['ou16', 'u16', 40, 'out'],
  ['o32', 'i32', 40, 'inout'],
  ['o64', 'i64', 20, 'out'],
  ['of', 'f32', 40, 'inout'],
  ['od', 'f64', 20, 'out'],
];

/** Bytes for a buffer. Floats are of moderate size, with some edges. */
function contents(random: Random, elem: Elem, length: number): Uint8Array {
  if (elem !== 'f32' && elem !== 'f64') return random.bytes(length * ELEM_BYTES[elem]);
  const edges = (elem === 'f32' ? F32_EDGES : F64_EDGES).filter((value) => !Number.isNaN(value));
  const values = Array.from({ length }, () => (random.chance(0.2) ? random.pick(edges) : random.int(-4000, 4000) / 64));
  return new Uint8Array((elem === 'f32' ? Float32Array : Float64Array).from(values).buffer);
}

/** A random function with its helpers and buffer contents; the same for the same seed. */
export function randomFunction(seed: number, accesses: readonly Access[] = ALL_ACCESSES): LoopCase {
  const random = new Random(seed);
  const helpers: Func[] = [];
  const helperCount = random.int(0, 3);
  for (let i = 0; i < helperCount; i++) helpers.push(helper(random, i, helpers));
  const builder = new FunctionBuilder('random', [`seed ${seed}`]);
  const buffers = BUFFERS.map(([name, elem, length, access]) => builder.buffer(name, elem, length, access));
  const generator = new Generator(random, builder, helpers, buffers, accesses);
  generator.statements(random.int(4, 10), 3);
  for (let i = 0; i < 4; i++) generator.store();
  return {
    fn: builder.finish(),
    helpers,
    buffers: BUFFERS.map(([, elem, length]) => contents(random, elem, length)),
  };
}
