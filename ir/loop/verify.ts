/**
 * The laws of loop IR. What passes here runs without undefined behaviour on every target, as long as kernels keep the one
 * promise that is not proved: `i32.add`, `sub`, `mul` and their i64 kin do not overflow (the interpreter checks it).
 *
 * Names and types (`verify-structure.ts`)
 *  1. Names are identifiers, each defined once in its function, and used after their definition and inside its scope.
 *  2. Every operand, condition, index, stored value and result has the type that its place demands; constants lie in
 *     their type; an instruction has as many operands and constants as its record says, constants within its bound.
 *  3. Only `var`s are set, and keep their type. Lets, loop variables and parameters never change.
 *  4. Loads and stores name a buffer parameter. Stores go to `out` and `inout` only, with an access that can store.
 *  5. Loops: 32-bit constants, step > 0, start < end, and a counter that does not overflow behind the last trip.
 *  6. A helper takes scalars, gives a scalar, and ends in its only `return`. A kernel has no `return`.
 *  7. Expressions call helpers that exist, with the arguments they take. No function calls itself, however indirectly.
 *
 * Values (`verify-flow.ts`, by interval analysis with `ranges.ts`)
 *  8. Every access lies within its buffer, with all the bytes that it touches.
 *  9. Shift counts lie in [0, bits).
 * 10. Divisors are not zero, and no division is -2^31 / -1.
 *
 * Programs (`verify-program.ts`)
 * 11. Functions and roms have unique names; a rom has the bytes and a port the elements that it declares.
 * 12. The arena's alignment is a power of two; the state lies within the arena, and so do regions, one after the other.
 * 13. `run` and `reset` call kernels that exist with as many arguments as they take, scalars of the declared type.
 * 14. A buffer lies where its access allows: `rom` in roms, `out` and `inout` in the arena, in one region of it, or an output. It fits, is
 *     aligned, and has the element size of its rom or port. `reset` has no inputs and outputs.
 */
import { join, type Range, range } from './ranges.ts';
import type { Func, Program } from './types.ts';
import { FlowChecker } from './verify-flow.ts';
import { checkProgram } from './verify-program.ts';
import { checkStructure, type Report } from './verify-structure.ts';
import { visitAllExprs } from './walk.ts';

/** One violation of a law. */
export interface Diagnostic {
  /** The function it is in; `null` when it is in none. */
  readonly fn: string | null;
  /** The statement, behind the statements around it; or the part of the program. */
  readonly path: string;
  /** What was expected and what was found. */
  readonly message: string;
}

export function printDiagnostic({ fn, path, message }: Diagnostic): string {
  return [fn, path, message].filter((part) => part !== null && part !== '').join(': ');
}

class Diagnostics {
  readonly list: Diagnostic[] = [];
  private readonly seen = new Set<string>();

  /** A helper is analysed once per range of arguments: each of its statements is reported once. */
  add(diagnostic: Diagnostic): void {
    const subject = diagnostic.message.split(' has the range ')[0];
    const key = `${diagnostic.fn}\n${diagnostic.path}\n${subject}`;
    if (!this.seen.has(key)) this.list.push(diagnostic);
    this.seen.add(key);
  }

  reporter(fn: Func): Report {
    return (path, message) => this.add({ fn: fn.name, path: path.join(' > '), message });
  }
}

function calleesOf(fn: Func): ReadonlySet<string> {
  const callees = new Set<string>();
  visitAllExprs(fn.body, (e) => {
    if (e.kind === 'call') callees.add(e.fn);
  });
  return callees;
}

/** Reports each function that can reach itself by calls. */
function checkRecursion(functions: ReadonlyMap<string, Func>, found: Diagnostics): void {
  const callees = new Map([...functions.values()].map((fn) => [fn.name, calleesOf(fn)]));
  for (const name of functions.keys()) {
    const reached = new Set<string>();
    const pending = [...(callees.get(name) ?? [])];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      pending.push(...(callees.get(next) ?? []));
    }
    if (reached.has(name)) found.add({ fn: name, path: '', message: 'the function calls itself' });
  }
}

/** What the calls of a program pass as the scalars of a kernel, in order; nothing when it is not called. */
function scalarRanges(program: Program, fn: Func): readonly (Range | undefined)[] {
  const calls = [...program.run, ...program.reset].filter((call) => call.fn === fn.name);
  return fn.params.flatMap((param, i) => {
    if (param.kind !== 'scalar') return [];
    const values = calls.flatMap(({ args }) => {
      const arg = args[i];
      const isInteger = arg?.kind === 'scalar' && (arg.type === 'i32' || arg.type === 'i64');
      return isInteger ? [range(arg.value, arg.value)] : [];
    });
    return [values.length === 0 ? undefined : values.reduce(join)];
  });
}

/**
 * All violations of a function's laws, for any scalars. `helpers` are the functions that it may call; they are checked as
 * far as it uses them. Ranges are only looked at when names and types are sound.
 */
export function verifyFunc(fn: Func, helpers: readonly Func[]): Diagnostic[] {
  const found = new Diagnostics();
  const functions = new Map([...helpers, fn].map((f) => [f.name, f]));
  for (const f of functions.values()) checkStructure(f, functions, found.reporter(f));
  checkRecursion(functions, found);
  if (found.list.length === 0) new FlowChecker(functions, (f) => found.reporter(f)).check(fn, [], true);
  return found.list;
}

/**
 * All violations of the laws. Kernels are checked for the scalars that the program passes, helpers for the ranges of the
 * arguments at each call; a function that is never called for any scalars.
 */
export function verifyProgram(program: Program): Diagnostic[] {
  const found = new Diagnostics();
  const functions = new Map(program.functions.map((fn) => [fn.name, fn]));
  checkProgram(program, functions, (path, message) => found.add({ fn: null, path, message }));
  for (const fn of program.functions) checkStructure(fn, functions, found.reporter(fn));
  checkRecursion(functions, found);
  if (found.list.length > 0) return found.list;
  const flow = new FlowChecker(functions, (fn) => found.reporter(fn));
  const called = new Set(program.functions.flatMap((fn) => [...calleesOf(fn)]));
  for (const fn of program.functions) {
    if (!called.has(fn.name)) flow.check(fn, scalarRanges(program, fn), true);
  }
  return found.list;
}

/** Throws an error with the texts of all violations. */
export function assertValid(program: Program): void {
  const found = verifyProgram(program);
  if (found.length === 0) return;
  throw new Error(`program ${program.name} is invalid:\n${found.map((d) => `  ${printDiagnostic(d)}`).join('\n')}`);
}
