/** One function of loop IR as a function of a WebAssembly module. */
import { i32 } from '../../ir/loop/build.ts';
import { type Instruction, instruction, type Opcode } from '../../ir/loop/instructions.ts';
import { factsOf, meet, type Range, range } from '../../ir/loop/ranges.ts';
import {
  ACCESS_BYTES,
  ACCESS_TYPE,
  type BufferParam,
  ELEM_BYTES,
  type Expr,
  type For,
  type Func,
  type Stmt,
  type Store,
  type Type,
} from '../../ir/loop/types.ts';
import { constantValue, type Knowledge, rangeOf, splitFixed, splitIndex } from './addresses.ts';
import type { Ref, WasmModule } from './binaryen.ts';
import type { Keep } from './intrinsics.ts';
import { LOAD, STORE } from './memory.ts';
import type { SharedFor } from './share.ts';
import { RELAXED_SPELLING, SPELLING } from './spelling.ts';

/** What lowering one function needs of the rest of the module. */
export interface Surroundings {
  readonly module: WasmModule;
  /** Addresses of the buffer parameters that lie at one place in every call. Others are passed as pointers. */
  readonly fixed: ReadonlyMap<string, number>;
  /** What is known of scalar parameters. */
  readonly ranges?: ReadonlyMap<string, Range> | undefined;
  /** The name, in the module, of the function that computes an instruction WebAssembly lacks. */
  readonly helperFor: (op: Opcode) => string;
}

/** The parameters that remain in WebAssembly, in order. */
export function passedParams(func: Func, fixed: ReadonlyMap<string, number>): Func['params'] {
  return func.params.filter((param) => param.kind === 'scalar' || !fixed.has(param.name));
}

/** @throws Error when the function uses a name that it does not define, or an instruction with too few operands. */
export function lowerFunction(func: Func, around: Surroundings): void {
  new FunctionLowering(func, around).finish();
}

/** A function of the module, named as the instruction that it computes. */
export function addHelper(module: WasmModule, op: Opcode): void {
  const { params, result } = instruction(op);
  const spelling = SPELLING[op];
  if (spelling.kind === 'direct') throw new Error(`${op} is an instruction of its own and needs no helper`);
  const locals = new Locals(module, params);
  const args = params.map((type, index) => () => module.getLocal(index, type));
  const body = locals.after((keep) => spelling.build(module.make, args, [], keep));
  module.addFunction(op, params, result, locals.types.slice(params.length), body);
}

/** The locals of a function under construction, parameters first. */
class Locals {
  readonly types: Type[];
  private readonly module: WasmModule;

  constructor(module: WasmModule, params: readonly Type[]) {
    this.module = module;
    this.types = [...params];
  }

  fresh(type: Type): number {
    return this.types.push(type) - 1;
  }

  /** An expression that first stores what `build` keeps in fresh locals. */
  after(build: (keep: Keep) => Ref): Ref {
    const stored: Ref[] = [];
    const value = build((type, kept) => {
      const local = this.fresh(type);
      stored.push(this.module.setLocal(local, kept));
      return () => this.module.getLocal(local, type);
    });
    return stored.length === 0 ? value : this.module.sequence([...stored, value]);
  }
}

/** What a name stands for: a local, or in a repeated body of an unrolled loop a constant. */
type Binding =
  | {
      readonly kind: 'local';
      readonly index: number;
      readonly type: Type;
      /** What is known of its value wherever it is read; of a mutable variable nothing is. */
      readonly range: Range | undefined;
      readonly mutable: boolean;
    }
  | { readonly kind: 'constant'; readonly value: number };

interface BufferBinding {
  readonly param: BufferParam;
  readonly address: number;
  readonly pointer: number | undefined;
}

class FunctionLowering {
  private readonly func: Func;
  private readonly around: Surroundings;
  private readonly module: WasmModule;
  private readonly params: readonly Type[];
  private readonly locals: Locals;
  private readonly names = new Map<string, Binding>();
  private readonly buffers = new Map<string, BufferBinding>();
  private loops = 0;
  /** Addresses that are made of parameters alone, computed once: locals by buffer and text. */
  private readonly bases = new Map<string, { readonly local: number; readonly value: Ref }>();
  private readonly known: Knowledge = {
    constantOf: (name) => {
      const binding = this.names.get(name);
      return binding?.kind === 'constant' ? binding.value : undefined;
    },
    rangeOf: (name) => {
      const binding = this.names.get(name);
      return binding?.kind === 'local' ? binding.range : binding && range(binding.value, binding.value);
    },
  };

  constructor(func: Func, around: Surroundings) {
    this.func = func;
    this.around = around;
    this.module = around.module;
    const passed = passedParams(func, around.fixed);
    this.params = passed.map((param) => (param.kind === 'scalar' ? param.type : 'i32'));
    this.locals = new Locals(this.module, this.params);
    passed.forEach((param, index) => {
      if (param.kind === 'scalar') this.bindLocal(param.name, index, param.type, around.ranges?.get(param.name));
    });
    for (const param of func.params) {
      if (param.kind !== 'buffer') continue;
      const address = around.fixed.get(param.name);
      const pointer = address === undefined ? passed.indexOf(param) : undefined;
      this.buffers.set(param.name, { param, address: address ?? 0, pointer });
    }
  }

  finish(): void {
    const statements = this.statements(this.func.body);
    const bases = [...this.bases.values()].map(({ local, value }) => this.module.setLocal(local, value));
    const body = this.module.sequence([...bases, ...statements]);
    const locals = this.locals.types.slice(this.params.length);
    this.module.addFunction(this.func.name, this.params, this.func.result, locals, body);
  }

  private fail(message: string): never {
    throw new Error(`function ${this.func.name}: ${message}`);
  }

  private bindLocal(name: string, index: number, type: Type, known?: Range, mutable = false): void {
    this.names.set(name, { kind: 'local', index, type, range: known, mutable });
  }

  private statements(body: readonly Stmt[]): Ref[] {
    return body.flatMap((stmt) => this.statement(stmt));
  }

  private statement(stmt: Stmt): readonly Ref[] {
    switch (stmt.kind) {
      case 'let':
        return this.define(stmt.name, stmt.value, true);
      case 'var':
        return this.define(stmt.name, stmt.init, false);
      case 'set': {
        const binding = this.names.get(stmt.name);
        if (binding?.kind !== 'local') this.fail(`no variable ${stmt.name} to set`);
        return [this.module.setLocal(binding.index, this.expression(stmt.value).ref)];
      }
      case 'store':
        return [this.store(stmt)];
      case 'for':
        return this.loop(stmt);
      case 'if':
        return [this.branch(stmt)];
      case 'return':
        return [this.module.make.return(this.expression(stmt.value).ref)];
      case 'comment':
        return [];
    }
  }

  private define(name: string, value: Expr, immutable: boolean): readonly Ref[] {
    const constant = immutable ? constantValue(value, this.known) : undefined;
    if (constant !== undefined) {
      this.names.set(name, { kind: 'constant', value: constant });
      return [];
    }
    const known = immutable ? rangeOf(value, this.known) : undefined;
    const { ref, type } = this.expression(value);
    const index = this.locals.fresh(type);
    this.bindLocal(name, index, type, known, !immutable);
    return [this.module.setLocal(index, ref)];
  }

  private loop(loop: SharedFor): readonly Ref[] {
    if (loop.bounds !== undefined) {
      const { start, stop, step } = loop.bounds;
      return this.repeat(loop, loop.indices, start, step, stop);
    }
    const { name, start, end, step, body } = loop;
    if (start >= end) return [];
    const trips = Math.ceil((end - start) / step);
    if (loop.unroll || trips === 1) {
      return Array.from({ length: trips }, (_, trip) => {
        this.names.set(name, { kind: 'constant', value: start + trip * step });
        return this.statements(body);
      }).flat();
    }
    const indices = range(start, start + (trips - 1) * step);
    return this.repeat(loop, indices, i32(start), i32(step), i32((start + trips * step) | 0));
  }

  /** The index meets `stop` exactly, so a comparison for inequality ends the loop even if the last step wraps. */
  private repeat({ name, body }: For, indices: Range | undefined, start: Expr, step: Expr, stop: Expr): readonly Ref[] {
    const { make } = this.module;
    const index = this.locals.fresh('i32');
    this.bindLocal(name, index, 'i32', indices);
    const label = `loop${this.loops++}`;
    const first = this.expression(start).ref;
    const next = make.i32.add(this.module.getLocal(index, 'i32'), this.expression(step).ref);
    const again = make.i32.ne(this.module.teeLocal(index, next, 'i32'), this.expression(stop).ref);
    return [
      this.module.setLocal(index, first),
      make.loop(label, this.module.sequence([...this.statements(body), make.br_if(label, again)])),
    ];
  }

  private branch(stmt: Extract<Stmt, { kind: 'if' }>): Ref {
    const { make } = this.module;
    const condition = this.expression(stmt.cond).ref;
    const body = this.module.sequence(this.where(stmt.cond, true, stmt.body));
    if (stmt.orElse.length === 0) return make.if(condition, body);
    return make.if(condition, body, this.module.sequence(this.where(stmt.cond, false, stmt.orElse)));
  }

  /** The statements where `cond` holds or does not, with what that says of the variables in it. */
  private where(cond: Expr, holds: boolean, body: readonly Stmt[]): Ref[] {
    const outer = new Map(this.names);
    for (const fact of factsOf(cond, holds, (e) => rangeOf(e, this.known))) {
      const binding = this.names.get(fact.name);
      if (binding?.kind !== 'local' || binding.mutable) continue;
      const both = binding.range === undefined ? fact.range : meet(binding.range, fact.range);
      if (both !== undefined) this.names.set(fact.name, { ...binding, range: both });
    }
    const refs = this.statements(body);
    for (const [name, binding] of outer) this.names.set(name, binding);
    return refs;
  }

  private store(stmt: Store): Ref {
    const { address, offset, align } = this.address(stmt);
    const { ref } = this.expression(stmt.value);
    return STORE[stmt.access](this.module.make, offset, align, address, ref);
  }

  private address(at: Pick<Store, 'buffer' | 'access' | 'index'>): { address: Ref; offset: number; align: number } {
    const { make } = this.module;
    const buffer = this.buffers.get(at.buffer);
    if (buffer === undefined) this.fail(`no buffer ${at.buffer}`);
    const bytes = ELEM_BYTES[buffer.param.elem];
    const { rest, offset } = splitIndex(at.index, this.known);
    const align = Math.min(ACCESS_BYTES[at.access], bytes);
    const place = { offset: buffer.address + offset * bytes, align };
    const { fixed, moving } = rest === undefined ? { fixed: undefined, moving: undefined } : splitFixed(rest);
    const scaled = (e: Expr): Ref => {
      const { ref } = this.expression(e);
      return bytes === 1 ? ref : make.i32.shl(ref, make.i32.const(Math.log2(bytes)));
    };
    const pointer = buffer.pointer === undefined ? undefined : this.module.getLocal(buffer.pointer, 'i32');
    const sum = (a: Ref | undefined, b: Ref | undefined): Ref | undefined =>
      a === undefined || b === undefined ? (a ?? b) : make.i32.add(a, b);
    const base = fixed === undefined ? pointer : this.base(at.buffer, fixed, () => sum(pointer, scaled(fixed)) as Ref);
    return { ...place, address: sum(base, moving && scaled(moving)) ?? make.i32.const(0) };
  }

  private base(buffer: string, fixed: Expr, value: () => Ref): Ref {
    const key = `${buffer} ${JSON.stringify(fixed)}`;
    const known = this.bases.get(key) ?? { local: this.locals.fresh('i32'), value: value() };
    this.bases.set(key, known);
    return this.module.getLocal(known.local, 'i32');
  }

  private expression(e: Expr): { readonly ref: Ref; readonly type: Type } {
    switch (e.kind) {
      case 'const':
        return { ref: this.module.constant(e.type, e.value), type: e.type };
      case 'var':
        return { ref: this.variable(e.name), type: e.type };
      case 'load': {
        const { address, offset, align } = this.address(e);
        return { ref: LOAD[e.access](this.module.make, offset, align, address), type: ACCESS_TYPE[e.access] };
      }
      case 'op':
        return { ref: this.operation(e.op, e.args, e.imm), type: instruction(e.op).result };
      case 'call': {
        const operands = e.args.map((arg) => this.expression(arg).ref);
        return { ref: this.module.call(e.fn, operands, e.type), type: e.type };
      }
    }
  }

  private variable(name: string): Ref {
    const binding = this.names.get(name);
    if (binding === undefined) this.fail(`no variable ${name}`);
    if (binding.kind === 'constant') return this.module.constant('i32', binding.value);
    return this.module.getLocal(binding.index, binding.type);
  }

  private operation(op: Opcode, operands: readonly Expr[], imm: readonly number[]): Ref {
    const { params, result, imm: constants }: Instruction = instruction(op);
    if (operands.length !== params.length || imm.length !== (constants?.count ?? 0)) {
      this.fail(
        `${op} takes ${params.length} operands and ${constants?.count ?? 0} constants, ` +
          `found ${operands.length} and ${imm.length}`,
      );
    }
    const spelling = (this.module.isRelaxed ? RELAXED_SPELLING[op] : undefined) ?? SPELLING[op];
    const args = operands.map((operand) => this.expression(operand).ref);
    if (spelling.kind === 'direct') return spelling.build(this.module.make, args, imm);
    if (spelling.kind === 'helper') return this.module.call(this.around.helperFor(op), args, result);
    return this.locals.after((keep) => {
      const kept = args.map((arg, index) => keep(params[index] as Type, arg));
      return spelling.build(this.module.make, kept, imm, keep);
    });
  }
}
