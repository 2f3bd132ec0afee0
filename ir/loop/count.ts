/**
 * How many operations of each class one run of a function or program executes, after what every compiler does: an expression
 * is computed in the outermost loop that it varies in, once where it stands several times; addresses that differ by a
 * constant share a pointer, which a loop moves by one addition.
 *
 * Loops have constant trip counts, and what loops decide (whether a tap lies inside an image) is counted as often as it
 * holds, so the counts follow from the text; only of conditions on data the share is a guess. Weights fitted to measurements (compiler/targets) make instructions and cycles
 * of them.
 */
import { typeOf } from './build.ts';
import { type Counts, classOf, emptyCounts, type MutableCounts, memoryClass } from './cost.ts';
import { type LoopRange, shareOf } from './share.ts';
import { ACCESS_BYTES, type BufferParam, type Call, type Expr, type Func, type Program, type Stmt } from './types.ts';
import { bodiesOf, expressionsOf, visitExpr } from './walk.ts';

/** One loop around the point that is counted; the first is the function itself. */
interface Level {
  /** How often its body runs in one run of the function. */
  readonly times: number;
  readonly unrolled: boolean;
  /** What has been computed here already. */
  readonly seen: Set<string>;
}

type Op = Extract<Expr, { kind: 'op' }>;
type LoadExpr = Extract<Expr, { kind: 'load' }>;

/** Registers for what lives through an iteration, on cores with 16 of which some are taken for addresses and results. */
const REGISTERS = 12;

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
    const counts = new FunctionCounter(fn, this).count();
    this.known.set(fn, counts);
    return counts;
  }

  helper(name: string): Counts {
    const callee = this.helpers.get(name);
    if (callee === undefined) throw new Error(`there is no function ${name} to count`);
    return this.func(callee);
  }
}

class FunctionCounter {
  private readonly fn: Func;
  private readonly counter: Counter;
  private readonly counts: MutableCounts = emptyCounts();
  private readonly levels: Level[] = [{ times: 1, unrolled: false, seen: new Set() }];
  /** The level whose iterations change a name's value. */
  private readonly varies = new Map<string, number>();
  private readonly mutable = new Set<string>();
  readonly loops = new Map<string, LoopRange>();
  readonly lets = new Map<string, Expr>();
  private readonly roms: ReadonlySet<string>;

  constructor(fn: Func, counter: Counter) {
    this.fn = fn;
    this.counter = counter;
    const buffers = fn.params.filter((p): p is BufferParam => p.kind === 'buffer');
    this.roms = new Set(buffers.filter(({ access }) => access === 'rom').map(({ name }) => name));
    for (const { name } of fn.params) this.varies.set(name, 0);
  }

  count(): Counts {
    this.body(this.fn.body);
    return this.counts;
  }

  private get depth(): number {
    return this.levels.length - 1;
  }

  private charge(name: keyof Counts, level: number): void {
    this.counts[name] += (this.levels[level] as Level).times;
  }

  private body(body: readonly Stmt[]): void {
    for (const s of body) this.stmt(s);
  }

  private stmt(s: Stmt): void {
    switch (s.kind) {
      case 'let':
        this.varies.set(s.name, this.value(s.value));
        this.lets.set(s.name, s.value);
        return;
      case 'var':
        this.mutable.add(s.name);
        this.value(s.init);
        this.varies.set(s.name, this.depth);
        return;
      case 'set':
        this.value(s.value);
        return;
      case 'return':
        this.value(s.value);
        return;
      case 'store':
        this.value(s.value);
        this.address(s.buffer, s.index);
        this.charge(memoryClass('store', ACCESS_BYTES[s.access]), this.depth);
        return;
      case 'for':
        this.loop(s);
        return;
      case 'if':
        this.branch(s);
        return;
      case 'comment':
        return;
    }
  }

  /** Arms of a condition that data decides count half each, and whole where there is one. */
  private branch({ cond, body, orElse }: Extract<Stmt, { kind: 'if' }>): void {
    this.value(cond);
    this.charge('branch', this.depth);
    const share = shareOf(cond, this) ?? (orElse.length === 0 ? 1 : 0.5);
    this.arm(body, share);
    this.arm(orElse, 1 - share);
  }

  private arm(body: readonly Stmt[], share: number): void {
    if (body.length === 0 || share === 0) return;
    this.levels.push({ times: (this.levels[this.depth] as Level).times * share, unrolled: false, seen: new Set() });
    this.body(body);
    this.levels.pop();
  }

  private loop({ name, start, end, step, unroll, body }: Extract<Stmt, { kind: 'for' }>): void {
    const trips = Math.ceil((end - start) / step);
    const times = (this.levels[this.depth] as Level).times * trips;
    this.levels.push({ times, unrolled: unroll, seen: new Set() });
    this.varies.set(name, this.depth);
    this.loops.set(name, { start, step, trips });
    if (!unroll) this.charge('branch', this.depth);
    if (!unroll) this.reloads(body);
    this.body(body);
    this.levels.pop();
  }

  /** What a loop uses of the values from around it, beyond what registers hold, is loaded again in every iteration. */
  private reloads(body: readonly Stmt[]): void {
    const names = new Set<string>();
    collectUses(body, names);
    const carried = [...names].filter((name) => this.varies.has(name) && !this.isUnrolled(name));
    this.counts.load4 += Math.max(0, carried.length - REGISTERS) * (this.levels[this.depth] as Level).times;
  }

  /** Counts what computes an expression, and returns the level that it varies in. */
  private value(e: Expr): number {
    switch (e.kind) {
      case 'const':
        return 0;
      case 'var':
        return this.mutable.has(e.name) ? this.depth : (this.varies.get(e.name) ?? 0);
      case 'load':
        return this.load(e);
      case 'call': {
        for (const arg of e.args) this.value(arg);
        this.charge('call', this.depth);
        const callee = this.counter.helper(e.fn);
        const { times } = this.levels[this.depth] as Level;
        for (const [name, count] of Object.entries(callee)) this.counts[name as keyof Counts] += times * count;
        return this.depth;
      }
      case 'op':
        return this.instruction(e);
    }
  }

  private load({ buffer, access, index }: LoadExpr): number {
    const level = this.address(buffer, index);
    // What a table holds stays the same; other memory may be stored to in between.
    const at = this.roms.has(buffer) ? level : this.depth;
    const key = `load ${buffer} ${access} ${keyOf(index)}`;
    if (this.roms.has(buffer) && this.isKnown(key, at)) return at;
    this.charge(memoryClass('load', ACCESS_BYTES[access]), at);
    return at;
  }

  private instruction(e: Op): number {
    const changes = this.changes(e);
    const level = Math.max(0, ...e.args.map((arg) => this.levelOf(arg)));
    if (!changes && this.isKnown(keyOf(e), level)) return level;
    for (const arg of e.args) this.value(arg);
    if (isFree(e)) return level;
    const addition = e.op === 'i32.add' || e.op === 'i32.add_wrap';
    const product = e.args.find((arg) => arg.kind === 'op' && typeOf(arg) === 'i32' && classOf(arg.op) === 'mul');
    if (addition && product !== undefined) {
      this.counts.mul -= (this.levels[this.levelOf(product)] as Level).times;
      this.charge('mac', level);
    } else this.charge(classOf(e.op), level);
    return level;
  }

  /** Whether it was computed at this level before; from now on it was. */
  private isKnown(key: string, level: number): boolean {
    const { seen } = this.levels[level] as Level;
    if (seen.has(key)) return true;
    seen.add(key);
    return false;
  }

  /** The level an expression varies in, without counting it. */
  private levelOf(e: Expr): number {
    switch (e.kind) {
      case 'const':
        return 0;
      case 'var':
        return this.mutable.has(e.name) ? this.depth : (this.varies.get(e.name) ?? 0);
      case 'load':
        return this.roms.has(e.buffer) ? this.levelOf(e.index) : this.depth;
      case 'call':
        return this.depth;
      case 'op':
        return Math.max(0, ...e.args.map((arg) => this.levelOf(arg)));
    }
  }

  /** Whether its value may be another one when it is computed again in the same iteration. */
  private changes(e: Expr): boolean {
    switch (e.kind) {
      case 'const':
        return false;
      case 'var':
        return this.mutable.has(e.name);
      case 'load':
        return !this.roms.has(e.buffer) || this.changes(e.index);
      case 'call':
        return true;
      case 'op':
        return e.args.some((arg) => this.changes(arg));
    }
  }

  /** Counts what computes an element's address; returns the level that it varies in. */
  private address(buffer: string, index: Expr): number {
    const terms = new Map<string, number>();
    const isAffine = addTerms(index, 1, terms);
    if (!isAffine) {
      this.value(index);
      return this.levelOf(index);
    }
    const level = this.levelOf(index);
    // The copies of an unrolled body are a constant apart.
    const moving = [...terms].filter(([name, factor]) => factor !== 0 && !this.isUnrolled(name));
    if (moving.length === 0) return level;
    const from = Math.max(0, ...moving.map(([name]) => this.levelOfName(name)));
    const key = `address ${buffer} ${moving
      .map(([name, factor]) => `${name}*${factor}`)
      .sort()
      .join('+')}`;
    if (!this.isKnown(key, from)) this.charge('alu', from);
    return level;
  }

  private levelOfName(name: string): number {
    return this.mutable.has(name) ? this.depth : (this.varies.get(name) ?? 0);
  }

  private isUnrolled(name: string): boolean {
    const level = this.levels[this.varies.get(name) ?? 0] as Level | undefined;
    return level?.unrolled === true && !this.mutable.has(name);
  }
}

/** Names that statements read, those inside repeated loops included but not those of inner loops. */
function collectUses(body: readonly Stmt[], into: Set<string>): void {
  for (const s of body) {
    for (const e of expressionsOf(s)) {
      visitExpr(e, (part) => {
        if (part.kind === 'var') into.add(part.name);
      });
    }
    if (s.kind === 'for' && !s.unroll) continue;
    for (const inner of bodiesOf(s)) collectUses(inner, into);
  }
}

function keyOf(e: Expr): string {
  switch (e.kind) {
    case 'const':
      return `${e.type}:${e.value}`;
    case 'var':
      return e.name;
    case 'load':
      return `${e.buffer}[${e.access} ${keyOf(e.index)}]`;
    case 'call':
      return `${e.fn}(${e.args.map(keyOf).join()})`;
    case 'op':
      return `${e.op}.${e.imm.join()}(${e.args.map(keyOf).join()})`;
  }
}

/** Adds factor * e as products of names and constants; false when it is anything else. */
function addTerms(e: Expr, factor: number, terms: Map<string, number>): boolean {
  if (e.kind === 'const') return true;
  if (e.kind === 'var') {
    terms.set(e.name, (terms.get(e.name) ?? 0) + factor);
    return true;
  }
  if (e.kind !== 'op') return false;
  const [a, b] = e.args as [Expr, Expr];
  if (e.op === 'i32.add' || e.op === 'i32.add_wrap') return addTerms(a, factor, terms) && addTerms(b, factor, terms);
  if (e.op === 'i32.sub' || e.op === 'i32.sub_wrap') return addTerms(a, factor, terms) && addTerms(b, -factor, terms);
  if (e.op !== 'i32.mul' && e.op !== 'i32.mul_wrap') return false;
  if (b.kind === 'const') return addTerms(a, factor * Number(b.value), terms);
  return a.kind === 'const' && addTerms(b, factor * Number(a.value), terms);
}

/** What needs no instruction: halves of a 64-bit register, and reading a register as another type. */
function isFree({ op, args }: Op): boolean {
  if (op === 'i32.wrap_i64') return true;
  const by = args[1];
  return op === 'i64.shr_s' && by?.kind === 'const' && Number(by.value) === 32;
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
