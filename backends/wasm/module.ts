/** A whole program as the functions of one WebAssembly module. */
import { type Call, type Func, offsetOf, type Place, type Program } from '../../ir/loop/types.ts';
import type { Ref, WasmModule } from './binaryen.ts';
import { addHelper, lowerFunction, passedParams } from './lower.ts';
import type { Memory, Places } from './memory.ts';
import { shareBodies } from './share.ts';

/** For each kernel, the addresses of the buffers that every call places alike: no pointer needs to be passed for them. */
type FixedBuffers = ReadonlyMap<string, ReadonlyMap<string, number>>;

interface Context {
  readonly functions: ReadonlyMap<string, Func>;
  readonly places: Places;
  readonly fixed: FixedBuffers;
  readonly module: WasmModule;
}

const NOTHING_FIXED: ReadonlyMap<string, number> = new Map();

/**
 * Adds the kernels, `run` and, for a program with state, `reset`. What writes out the packed tables and then resets the state
 * is the module's start function.
 */
export function buildModule(whole: Program, places: Memory, module: WasmModule): void {
  const { program, ranges } = shareBodies(whole);
  const functions = new Map(program.functions.map((func) => [func.name, func]));
  const fixed = fixedBuffers([...program.run, ...program.reset], functions, places);
  const context: Context = { functions, places, fixed, module };
  const helpers = new Set<string>();
  const lower = (func: Func, at: ReadonlyMap<string, number>) =>
    lowerFunction(func, {
      module,
      fixed: at,
      ranges: ranges.get(func.name),
      helperFor: (op) => {
        if (!helpers.has(op)) addHelper(module, op);
        helpers.add(op);
        return op;
      },
    });
  for (const func of program.functions) lower(func, fixed.get(func.name) ?? NOTHING_FIXED);
  for (const { func, from, to } of places.expansions) {
    lower(
      func,
      new Map([
        ['packed', from],
        ['values', to],
      ]),
    );
  }
  const first = places.expansions.map(({ func }) => func.name);
  addCalls('run', program.run, context);
  if (hasState(program)) {
    addCalls('reset', program.reset, context);
    first.push(internalName('reset'));
  }
  if (first.length === 0) return;
  const start = internalName('start');
  module.addFunction(start, [], null, [], module.sequence(first.map((name) => module.call(name, [], null))));
  module.setStart(start);
}

/** Whether an inference depends on earlier ones, and the module has a `reset`. */
export function hasState(program: Program): boolean {
  return program.stateBytes > 0 || program.reset.length > 0;
}

function fixedBuffers(calls: readonly Call[], functions: Context['functions'], places: Places): FixedBuffers {
  const seen = new Map<string, Map<string, Set<number>>>();
  for (const call of calls) {
    const buffers = seen.get(call.fn) ?? new Map<string, Set<number>>();
    seen.set(call.fn, buffers);
    calledFunction(call, functions).params.forEach(({ name }, index) => {
      const arg = call.args[index];
      if (arg === undefined || arg.kind === 'scalar') return;
      buffers.set(name, (buffers.get(name) ?? new Set<number>()).add(addressOf(arg, places)));
    });
  }
  const alike = (buffers: ReadonlyMap<string, Set<number>>): Map<string, number> =>
    new Map([...buffers].flatMap(([name, found]) => (found.size === 1 ? [...found].map((at) => [name, at]) : [])));
  return new Map([...seen].map(([fn, buffers]) => [fn, alike(buffers)]));
}

function calledFunction(call: Call, functions: Context['functions']): Func {
  const func = functions.get(call.fn);
  if (func === undefined) throw new Error(`${call.doc}: the program has no function ${call.fn}`);
  const [takes, given] = [func.params.length, call.args.length];
  if (takes !== given) throw new Error(`${call.doc}: ${call.fn} takes ${takes} arguments, the call gives ${given}`);
  return func;
}

function addressOf(place: Place, places: Places): number {
  return startOf(place, places) + offsetOf(place);
}

function startOf(place: Place, places: Places): number {
  switch (place.kind) {
    case 'arena':
      return places.arena;
    case 'rom':
      return places.roms.get(place.name) ?? absent(`rom ${place.name}`);
    case 'input':
      return places.inputs[place.index] ?? absent(`input ${place.index}`);
    case 'output':
      return places.outputs[place.index] ?? absent(`output ${place.index}`);
  }
}

function absent(what: string): never {
  throw new Error(`a call names ${what}, which the program does not have`);
}

/** Functions of the program have identifiers as names, so no such name is one of these. */
function internalName(exported: 'run' | 'reset' | 'start'): string {
  return `export:${exported}`;
}

/** The optimiser's time grows faster than a function does; longer lists of calls become functions of this many. */
const MOST_CALLS = 200;

/** An exported function that makes the calls in order. */
function addCalls(name: 'run' | 'reset', calls: readonly Call[], { functions, places, fixed, module }: Context): void {
  const bodies = calls.map((call) => {
    const func = calledFunction(call, functions);
    const passed = new Set(passedParams(func, fixed.get(func.name) ?? NOTHING_FIXED));
    const operands = func.params.flatMap((param, index): Ref[] => {
      const arg = call.args[index];
      if (arg === undefined || !passed.has(param)) return [];
      return arg.kind === 'scalar'
        ? [module.constant(arg.type, arg.value)]
        : [module.constant('i32', addressOf(arg, places))];
    });
    return module.call(func.name, operands, null);
  });
  const groups: Ref[] = [];
  for (let at = 0; bodies.length > MOST_CALLS && at < bodies.length; at += MOST_CALLS) {
    const group = `${internalName(name)}:${at}`;
    module.addFunction(group, [], null, [], module.sequence(bodies.slice(at, at + MOST_CALLS)));
    groups.push(module.call(group, [], null));
  }
  module.addFunction(internalName(name), [], null, [], module.sequence(groups.length > 0 ? groups : bodies));
  module.exportFunction(internalName(name), name);
}
