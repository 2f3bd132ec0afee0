/** One function of the interpreter: its registers, and its statements and expressions as closures over them. */

import { typeOf } from './build.ts';
import {
  type BufferSlot,
  bufferSlot,
  compileLoad,
  compileStore,
  type Memory,
  type NumberThunk,
  type Thunk,
} from './evaluate-memory.ts';
import { compileOp } from './evaluate-ops.ts';
import type { RegisterValue } from './instructions.ts';
import { printExpr, printHead } from './print.ts';
import {
  ACCESS_BYTES,
  type Access,
  type Expr,
  type Func,
  type Load,
  type Stmt,
  type Store,
  type Type,
} from './types.ts';
import { visitStmts } from './walk.ts';

type Action = () => void;

/** A register: its place in the frame's array for its type. */
interface Register {
  readonly type: Type;
  readonly slot: number;
}

/**
 * A function ready to run. Functions do not recurse, so each has one frame that all its calls use: `ints` holds i32,
 * `floats` f32 and f64, `others` i64 and v128.
 */
export interface Compiled {
  readonly fn: Func;
  readonly call: (memories: readonly Memory[], scalars: readonly RegisterValue[]) => RegisterValue | undefined;
}

/** Compiles every function; those they call come first. Throws on recursion and on names that do not exist. */
export function compileAll(functions: readonly Func[]): ReadonlyMap<string, Compiled> {
  const sources = new Map(functions.map((fn) => [fn.name, fn]));
  const done = new Map<string, Compiled>();
  const active = new Set<string>();
  const compile = (name: string): Compiled => {
    const known = done.get(name);
    if (known !== undefined) return known;
    const fn = sources.get(name);
    if (fn === undefined) throw new Error(`there is no function ${name}`);
    if (active.has(name)) throw new Error(`${name}: calls itself (${[...active, name].join(' -> ')})`);
    active.add(name);
    const compiled = new FunctionCompiler(fn, compile).compile();
    active.delete(name);
    done.set(name, compiled);
    return compiled;
  };
  for (const fn of functions) compile(fn.name);
  return done;
}

class FunctionCompiler {
  private readonly fn: Func;
  private readonly callee: (name: string) => Compiled;
  private readonly registers = new Map<string, Register>();
  private readonly buffers = new Map<string, BufferSlot>();
  private readonly ints: Int32Array;
  private readonly floats: Float64Array;
  private readonly others: RegisterValue[] = [];
  private slots = 0;

  constructor(fn: Func, callee: (name: string) => Compiled) {
    this.fn = fn;
    this.callee = callee;
    let size = fn.params.length;
    visitStmts(fn.body, (s) => {
      if (s.kind === 'let' || s.kind === 'var' || s.kind === 'for') size++;
    });
    this.ints = new Int32Array(size);
    this.floats = new Float64Array(size);
  }

  compile(): Compiled {
    const { fn } = this;
    const setters: ((value: RegisterValue) => void)[] = [];
    for (const param of fn.params) {
      if (param.kind === 'buffer') this.buffers.set(param.name, bufferSlot(param));
      else setters.push(this.setter(this.define(param.name, param.type)));
    }
    const slots = [...this.buffers.values()];
    const last = fn.body.at(-1);
    const returned = last?.kind === 'return' ? last : undefined;
    const body = this.block(returned === undefined ? fn.body : fn.body.slice(0, -1));
    const result = returned === undefined ? () => undefined : this.expr(returned.value);
    const call = (memories: readonly Memory[], scalars: readonly RegisterValue[]) => {
      for (let i = 0; i < slots.length; i++) (slots[i] as BufferSlot).memory = memories[i] as Memory;
      for (let i = 0; i < setters.length; i++) setters[i]?.(scalars[i] as RegisterValue);
      body();
      return result();
    };
    return { fn, call };
  }

  private define(name: string, type: Type): Register {
    const register = { type, slot: this.slots++ };
    this.registers.set(name, register);
    return register;
  }

  private register(name: string): Register {
    const register = this.registers.get(name);
    if (register === undefined) throw new Error(`${this.fn.name}: ${name} is not defined here`);
    return register;
  }

  private buffer(name: string): BufferSlot {
    const slot = this.buffers.get(name);
    if (slot === undefined) throw new Error(`${this.fn.name}: there is no buffer ${name}`);
    return slot;
  }

  private setter({ type, slot }: Register): (value: RegisterValue) => void {
    const { ints, floats, others } = this;
    if (type === 'i32') {
      return (value) => {
        ints[slot] = value as number;
      };
    }
    if (type === 'f32' || type === 'f64') {
      return (value) => {
        floats[slot] = value as number;
      };
    }
    return (value) => {
      others[slot] = value;
    };
  }

  private assign({ type, slot }: Register, value: Thunk): Action {
    const { ints, floats, others } = this;
    if (type === 'i32') {
      const number = value as NumberThunk;
      return () => {
        ints[slot] = number();
      };
    }
    if (type === 'f32' || type === 'f64') {
      const number = value as NumberThunk;
      return () => {
        floats[slot] = number();
      };
    }
    return () => {
      others[slot] = value();
    };
  }

  private block(body: readonly Stmt[]): Action {
    const actions = body.filter((s) => s.kind !== 'comment').map((s) => this.stmt(s));
    const [a, b, c] = actions as [Action, Action, Action];
    if (actions.length === 0) return () => {};
    if (actions.length === 1) return a;
    if (actions.length === 2) {
      return () => {
        a();
        b();
      };
    }
    if (actions.length === 3) {
      return () => {
        a();
        b();
        c();
      };
    }
    return () => {
      for (let i = 0; i < actions.length; i++) (actions[i] as Action)();
    };
  }

  private stmt(s: Exclude<Stmt, { kind: 'comment' }>): Action {
    switch (s.kind) {
      case 'let': {
        const value = this.expr(s.value);
        return this.assign(this.define(s.name, typeOf(s.value)), value);
      }
      case 'var': {
        const value = this.expr(s.init);
        return this.assign(this.define(s.name, s.type), value);
      }
      case 'set':
        return this.assign(this.register(s.name), this.expr(s.value));
      case 'store':
        return this.store(s);
      case 'for':
        return this.loop(s);
      case 'if':
        return this.branch(s);
      case 'return':
        throw new Error(`${this.fn.name}: return is allowed only as the last statement of a helper`);
    }
  }

  private loop(s: Stmt & { kind: 'for' }): Action {
    const { ints } = this;
    const { slot } = this.define(s.name, 'i32');
    const { start, end, step } = s;
    if (!(step > 0)) throw new Error(`${this.fn.name}: ${printHead(s)}: the step must be positive`);
    const body = this.block(s.body);
    return () => {
      for (let i = start; i < end; i += step) {
        ints[slot] = i;
        body();
      }
    };
  }

  private branch(s: Stmt & { kind: 'if' }): Action {
    const cond = this.expr(s.cond);
    const body = this.block(s.body);
    const orElse = this.block(s.orElse);
    return () => {
      if (cond() !== 0) body();
      else orElse();
    };
  }

  private store(s: Store): Action {
    const slot = this.buffer(s.buffer);
    const { access } = slot.param;
    if (access === 'in' || access === 'rom') {
      throw new Error(`${this.fn.name}: ${printHead(s)}: ${s.buffer} is ${access}, which may not be stored to`);
    }
    const index = this.expr(s.index) as NumberThunk;
    return compileStore(
      slot,
      s.access,
      index,
      this.expr(s.value),
      this.failure(slot, s.access, () => printHead(s)),
    );
  }

  private load(e: Load): Thunk {
    const slot = this.buffer(e.buffer);
    const index = this.expr(e.index) as NumberThunk;
    return compileLoad(
      slot,
      e.access,
      index,
      this.failure(slot, e.access, () => printExpr(e)),
    );
  }

  private failure({ param }: BufferSlot, access: Access, text: () => string): (index: number) => never {
    return (index) => {
      const extent = `${param.name}: ${param.elem}[${param.length}]`;
      throw new RangeError(`${text()}: index ${index} is out of bounds: ${ACCESS_BYTES[access]} bytes of ${extent}`);
    };
  }

  private expr(e: Expr): Thunk {
    switch (e.kind) {
      case 'const': {
        const { value } = e;
        return () => value;
      }
      case 'var':
        return this.read(this.register(e.name));
      case 'load':
        return this.load(e);
      case 'op':
        return compileOp(
          e,
          e.args.map((arg) => this.expr(arg)),
        );
      case 'call':
        return this.invoke(e);
    }
  }

  private read({ type, slot }: Register): Thunk {
    const { ints, floats, others } = this;
    if (type === 'i32') return () => ints[slot] as number;
    if (type === 'f32' || type === 'f64') return () => floats[slot] as number;
    return () => others[slot] as RegisterValue;
  }

  /** All arguments are computed before the callee's frame is written, so that `f(f(x))` works. */
  private invoke(e: Expr & { kind: 'call' }): Thunk {
    const callee = this.callee(e.fn);
    if (callee.fn.result === null) throw new Error(`${this.fn.name}: ${printExpr(e)}: ${e.fn} returns nothing`);
    if (callee.fn.params.length !== e.args.length) {
      throw new Error(`${this.fn.name}: ${printExpr(e)}: ${e.fn} takes ${callee.fn.params.length} arguments`);
    }
    const args = e.args.map((arg) => this.expr(arg));
    const values: RegisterValue[] = args.map(() => 0);
    return () => {
      for (let i = 0; i < args.length; i++) values[i] = (args[i] as Thunk)();
      return callee.call([], values) as RegisterValue;
    };
  }
}
