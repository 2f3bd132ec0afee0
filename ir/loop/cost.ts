/**
 * Static execution counts: how many operations of each class one run of a function or program performs, as written.
 *
 * Loops have constant trip counts, so the counts are exact but for two things. Both arms of an `if` are counted whole, as
 * which one runs depends on data; the count is an upper bound. And what a C compiler saves (invariant or common index
 * arithmetic, addressing modes) is not taken off; weights are fitted to measurements that contain it.
 */
import { typeOf } from './build.ts';
import type { Opcode } from './instructions.ts';
import { ACCESS_BYTES, type Call, type Expr, type Func, type Program, type Stmt } from './types.ts';
import { operands } from './walk.ts';

export const OP_CLASSES = [
  'load1',
  'load2',
  'load4',
  'load8',
  'load16',
  'store1',
  'store2',
  'store4',
  'store8',
  'store16',
  'alu', // 32-bit integer arithmetic, logic, comparisons, selects and conversions between integers
  'mul',
  'mac', // i32 additions with a product as an operand, which count once, and the dual multiplies of Armv7E-M
  'div',
  'fixed', // fixed-point building blocks, several instructions on most targets
  'i64',
  'i64mul',
  'f32',
  'f32div', // divisions and square roots
  'f64',
  'f64div',
  'vector',
  'vectorMac', // widening dot products and multiplications
  'branch', // one per trip of a loop that is not unrolled and one per `if`
  'call',
] as const;

export type OpClass = (typeof OP_CLASSES)[number];

/** How often each class is executed. */
export type Counts = Readonly<Record<OpClass, number>>;

const FIXED: ReadonlySet<Opcode> = new Set<Opcode>([
  'i32.sqrdmulh',
  'i32.rdivpot',
  'i32.sqadd',
  'i32.sqsub',
  'i32.sqshl',
  'i32.mulhi_s',
  'i32.mulhir_s',
]);

/** The class of an instruction by itself. A conversion belongs to its result's type, a comparison to its operands'. */
export function classOf(op: Opcode): OpClass {
  if (FIXED.has(op)) return 'fixed';
  if (op.startsWith('dsp.smla') || op === 'dsp.smmlar') return 'mac';
  if (op === 'mve.vmladav_s8' || op === 'mve.vmladava_s8' || op.startsWith('mve.vmull')) return 'vectorMac';
  if (op === 'i32.div_s' || op === 'i32.rem_s') return 'div';
  if (/^f(?:32|64)\.(?:div|sqrt)$/.test(op)) return op.startsWith('f32') ? 'f32div' : 'f64div';
  if (/\.(?:extmul|dot|sdot|usdot|q15mulr)_/.test(op)) return 'vectorMac';
  const family = op.slice(0, op.indexOf('.'));
  const isProduct = /\.mul(?:_wrap)?$/.test(op);
  if (family === 'i32') return isProduct ? 'mul' : 'alu';
  if (family === 'i64') return isProduct ? 'i64mul' : 'i64';
  if (family === 'f32' || family === 'f64') return family;
  return family === 'dsp' || op === 'mve.address' ? 'alu' : 'vector';
}

class Counter {
  private readonly helpers: ReadonlyMap<string, Func>;
  private readonly known = new Map<Func, Counts>();

  constructor(helpers: readonly Func[]) {
    this.helpers = new Map(helpers.map((fn) => [fn.name, fn]));
  }

  /** Counts of one call, those of its callees included. */
  func(fn: Func): Counts {
    const before = this.known.get(fn);
    if (before !== undefined) return before;
    const counts = emptyCounts();
    this.body(fn.body, 1, counts);
    this.known.set(fn, counts);
    return counts;
  }

  private body(body: readonly Stmt[], times: number, into: MutableCounts): void {
    for (const s of body) this.stmt(s, times, into);
  }

  private stmt(s: Stmt, times: number, into: MutableCounts): void {
    switch (s.kind) {
      case 'let':
      case 'set':
      case 'return':
        this.expr(s.value, times, into);
        break;
      case 'var':
        this.expr(s.init, times, into);
        break;
      case 'store':
        this.expr(s.index, times, into);
        this.expr(s.value, times, into);
        into[memoryClass('store', ACCESS_BYTES[s.access])] += times;
        break;
      case 'for': {
        const inside = times * Math.ceil((s.end - s.start) / s.step);
        if (!s.unroll) {
          into.branch += inside;
          into.alu += inside;
        }
        this.body(s.body, inside, into);
        break;
      }
      case 'if':
        this.expr(s.cond, times, into);
        into.branch += times;
        this.body(s.body, times, into);
        this.body(s.orElse, times, into);
        break;
      case 'comment':
        break;
    }
  }

  private expr(e: Expr, times: number, into: MutableCounts): void {
    for (const operand of operands(e)) this.expr(operand, times, into);
    if (e.kind === 'load') into[memoryClass('load', ACCESS_BYTES[e.access])] += times;
    if (e.kind === 'op') this.instruction(e, times, into);
    if (e.kind !== 'call') return;
    into.call += times;
    const callee = this.helpers.get(e.fn);
    if (callee === undefined) throw new Error(`there is no function ${e.fn} to count`);
    const counts = this.func(callee);
    for (const name of OP_CLASSES) into[name] += times * counts[name];
  }

  /** An addition of a product is one multiply-accumulate; the product has been counted by itself before. */
  private instruction(e: Expr & { kind: 'op' }, times: number, into: MutableCounts): void {
    const isAddition = e.op === 'i32.add' || e.op === 'i32.add_wrap';
    const product = e.args.some((arg) => arg.kind === 'op' && typeOf(arg) === 'i32' && classOf(arg.op) === 'mul');
    if (isAddition && product) {
      into.mul -= times;
      into.mac += times;
    } else into[classOf(e.op)] += times;
  }
}

type MutableCounts = Record<OpClass, number>;

function emptyCounts(): MutableCounts {
  return Object.fromEntries(OP_CLASSES.map((name) => [name, 0])) as MutableCounts;
}

function memoryClass(kind: 'load' | 'store', bytes: number): OpClass {
  const size = [1, 2, 4, 8].find((known) => known === bytes) ?? 16;
  return `${kind}${size}` as OpClass;
}

/** Counts of one call of a function; `helpers` are those that it may call. Throws when one is missing. */
export function countFunc(fn: Func, helpers: readonly Func[]): Counts {
  return new Counter(helpers).func(fn);
}

/** Counts of each call of one inference, in order. */
export function countProgram(program: Program): readonly { readonly call: Call; readonly counts: Counts }[] {
  const functions = new Map(program.functions.map((fn) => [fn.name, fn]));
  const counter = new Counter(program.functions);
  return program.run.map((call) => {
    const fn = functions.get(call.fn);
    if (fn === undefined) throw new Error(`there is no function ${call.fn} to count`);
    return { call, counts: counter.func(fn) };
  });
}

export function sumCounts(all: readonly Counts[]): Counts {
  const sum = emptyCounts();
  for (const counts of all) for (const name of OP_CLASSES) sum[name] += counts[name];
  return sum;
}

/** The weighted sum: predicted cycles, when the table says how many one operation of each class takes on a target. */
export function cycles(counts: Counts, table: Readonly<Record<OpClass, number>>): number {
  return OP_CLASSES.reduce((sum, name) => sum + counts[name] * table[name], 0);
}
