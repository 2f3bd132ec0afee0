/** The public face of an emitted model: parameter names, the header's text, and the functions behind it. */
import {
  type Argument,
  type BufferParam,
  type Call,
  ELEM_BYTES,
  type Func,
  offsetOf,
  type Param,
  type Place,
  type Port,
  type Program,
} from '../../ir/loop/types.ts';
import { type Arena, addressIn, arenasOf, argumentsOf, declarations, isIn } from './arenas.ts';
import { C_ELEM, literal } from './literals.ts';
import { Scope } from './names.ts';
import type { Symbols } from './print.ts';
import type { SharedCall } from './share.ts';
import { commentLines, commentText, signature, wrapLine } from './text.ts';

/** Changes when an application written for the old header would no longer compile or run. */
export const ABI = 1;

export interface Interface {
  readonly prefix: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly arenas: readonly Arena[];
}

/** Parameter names after the ports' own names, unique among themselves and beside the arenas. */
export function interfaceOf(program: Program, prefix: string, symbols: Symbols): Interface {
  const arenas = arenasOf(program, prefix);
  const own = arenas.flatMap(({ name, memory }) => [name, memory]);
  const scope = new Scope([...symbols.taken, `${prefix}_run`, `${prefix}_reset`, ...own]);
  const inputs = program.inputs.map((port) => scope.claim(port.name === '' ? 'input' : port.name));
  const outputs = program.outputs.map((port) => scope.claim(port.name === '' ? 'output' : port.name));
  return { prefix, inputs, outputs, arenas };
}

export function printRunSignature(program: Program, face: Interface, tail: string): string[] {
  const inputs = program.inputs.map((port, k) => `const ${C_ELEM[port.elem]} *${face.inputs[k]}`);
  const outputs = program.outputs.map((port, k) => `${C_ELEM[port.elem]} *${face.outputs[k]}`);
  return signature(
    `int ${face.prefix}_run`,
    [...inputs, ...outputs, ...face.arenas.map(({ name }) => `void *${name}`)],
    tail,
  );
}

export interface HeaderFacts {
  readonly banner: readonly string[];
  readonly hash: string;
}

export function printHeader(program: Program, face: Interface, facts: HeaderFacts): string[] {
  const { prefix } = face;
  const macro = prefix.toUpperCase();
  const hasState = program.reset.length > 0;
  return [
    ...commentLines(
      [`${program.name}: a neural network compiled to C.`, ...facts.banner, '', ...usage(program, face)],
      '',
    ),
    `#ifndef ${macro}_H`,
    `#define ${macro}_H`,
    '',
    '#include <stdint.h>',
    '',
    `#define ${macro}_ABI ${ABI}`,
    `#define ${macro}_HASH "${facts.hash}"`,
    ...face.arenas.map((arena) => `#define ${arena.macro}_BYTES ${arena.bytes}`),
    `#define ${macro}_ARENA_ALIGN ${program.arenaAlign}`,
    ...program.inputs.flatMap((port, k) => portMacros(port, `${macro}_INPUT_${k}`)),
    ...program.outputs.flatMap((port, k) => portMacros(port, `${macro}_OUTPUT_${k}`)),
    '',
    '#ifdef __cplusplus',
    'extern "C" {',
    '#endif',
    '',
    ...commentLines(runDoc(program, face), ''),
    ...printRunSignature(program, face, ';'),
    ...(hasState ? ['', ...commentLines(resetDoc(face), ''), `${resetSignature(face)};`] : []),
    '',
    '#ifdef __cplusplus',
    '}',
    '#endif',
    '',
    '#endif',
  ];
}

/** How an application calls the model, as code that can be copied. */
function usage(program: Program, { prefix, inputs, outputs, arenas }: Interface): string[] {
  const macro = prefix.toUpperCase();
  const ports = [...program.inputs, ...program.outputs];
  const names = [...inputs, ...outputs];
  const kind = (k: number) => (k < inputs.length ? `INPUT_${k}` : `OUTPUT_${k - inputs.length}`);
  const declared = declarations(arenas, `__attribute__((aligned(${macro}_ARENA_ALIGN)))`);
  return [
    `  #include "${prefix}.h"`,
    // No comment within the header's.
    ...declared.map((line) => `  ${line.replace(/ \/\* (.*) \*\/$/, ' // $1')}`),
    ...ports.map((port, k) => `  static ${C_ELEM[port.elem]} ${names[k]}[${macro}_${kind(k)}_LENGTH];`),
    ...(program.reset.length > 0 ? [`  ${prefix}_reset(${arenas[0]?.name}); // once, before the first run`] : []),
    `  ${prefix}_run(${[...names, ...argumentsOf(arenas)].join(', ')});`,
  ];
}

function portMacros(port: Port, name: string): string[] {
  const text = `${port.name}: ${port.type}, shape [${port.shape.join(', ')}]`;
  return [
    '',
    ...commentLines([text], ''),
    `#define ${name}_LENGTH ${port.length}`,
    `#define ${name}_BYTES ${port.length * ELEM_BYTES[port.elem]}`,
  ];
}

function runDoc(program: Program, face: Interface): string[] {
  const align = `${face.prefix.toUpperCase()}_ARENA_ALIGN`;
  const arenas = face.arenas.filter(({ bytes }) => bytes > 0);
  const idle = face.arenas.filter(({ bytes }) => bytes === 0).map(({ name }) => `Nothing lies in ${name}: pass NULL.`);
  const general = 'One inference. Elements are in row-major order; inputs, outputs and';
  if (arenas.length === 0) {
    const none = face.arenas.length > 1 ? 'Needs no arenas: pass NULL for each.' : 'Needs no arena: pass NULL.';
    return [`${general} arena must not overlap.`, `${none} Always returns 0.`];
  }
  const names = arenas.map(({ name }) => name).join(' or ');
  const hasState = program.reset.length > 0;
  return [
    `${general} ${arenas.length > 1 ? 'arenas' : names} must not overlap.`,
    `Returns 0, or 1 and does nothing when ${names} is NULL or not a multiple of ${align}.`,
    ...arenas.map(({ name, macro, region }, i) => {
      const place = region === undefined ? '' : ` in ${region}`;
      const keeps = hasState && i === 0;
      const state = keeps
        ? ` Its first ${program.stateBytes} are the state and must stay as they are between runs.`
        : ' Between runs it may serve other purposes.';
      return `${name} holds ${macro}_BYTES bytes${place}.${state}`;
    }),
    ...idle,
  ];
}

function resetDoc({ prefix, arenas }: Interface): string[] {
  return [
    'Puts the state to its initial value: call it before the first run, and whenever a new sequence begins.',
    `It does nothing when ${arenas[0]?.name} is not what ${prefix}_run accepts.`,
  ];
}

/** The state lies in the first arena. */
function resetSignature({ prefix, arenas }: Interface): string {
  return `void ${prefix}_reset(void *${arenas[0]?.name})`;
}

/** `<p>_run` and, where there is state, `<p>_reset`. */
export function printEntryPoints(program: Program, face: Interface, code: Code): string[] {
  const places = new PlacePrinter(program, face, code);
  const run = [
    ...printRunSignature(program, face, ' {'),
    ...face.arenas.flatMap((arena) => arenaCheck(face, arena, program.run, 'return 1;')),
    ...idlePorts(program, face),
    ...program.run.flatMap((call) => places.call(call)),
    '  return 0;',
    '}',
  ];
  if (program.reset.length === 0) return run;
  return [
    ...run,
    '',
    `${resetSignature(face)} {`,
    ...face.arenas.slice(0, 1).flatMap((arena) => arenaCheck(face, arena, program.reset, 'return;')),
    ...program.reset.flatMap((call) => places.call(call)),
    '}',
  ];
}

function arenaCheck({ prefix }: Interface, arena: Arena, calls: readonly Call[], bail: string): string[] {
  const { name, memory, bytes } = arena;
  if (bytes === 0) return [`  (void)${name};`];
  const uses = calls.some((call) => call.args.some((arg) => arg.kind === 'arena' && isIn(arena, arg)));
  return [
    ...(uses ? [`  uint8_t *const ${memory} = (uint8_t *)${name};`] : []),
    `  if (${name} == NULL || (uintptr_t)${name} % ${prefix.toUpperCase()}_ARENA_ALIGN != 0) {`,
    `    ${bail}`,
    '  }',
  ];
}

function idlePorts(program: Program, face: Interface): string[] {
  const used = new Set(program.run.flatMap((c) => c.args.map((a) => ('index' in a ? `${a.kind} ${a.index}` : ''))));
  return [
    ...face.inputs.filter((_, k) => !used.has(`input ${k}`)),
    ...face.outputs.filter((_, k) => !used.has(`output ${k}`)),
  ].map((name) => `  (void)${name};`);
}

/** What kernels are called, and what takes the calls of those that share a body. */
interface Code {
  readonly symbols: Symbols;
  readonly calls: ReadonlyMap<string, SharedCall>;
}

/** Prints the calls of an inference with their arguments' addresses. */
class PlacePrinter {
  private readonly program: Program;
  private readonly face: Interface;
  private readonly symbols: Symbols;
  private readonly calls: Code['calls'];
  private readonly functions: ReadonlyMap<string, Func>;

  constructor(program: Program, face: Interface, { symbols, calls }: Code) {
    this.program = program;
    this.face = face;
    this.symbols = symbols;
    this.calls = calls;
    this.functions = new Map(program.functions.map((fn) => [fn.name, fn]));
  }

  call(call: Call): string[] {
    const fn = this.functions.get(call.fn) as Func;
    if (fn.params.length !== call.args.length) {
      throw new Error(`${call.doc}: ${call.fn} takes ${fn.params.length} arguments, found ${call.args.length}`);
    }
    const own = fn.params.map((param, i) => this.argument(param, call.args[i] as Argument, call));
    const shared = this.calls.get(call.fn);
    const args = [...own, ...(shared?.numbers ?? []).map(String)];
    const comment = call.doc === '' ? [] : [`  /* ${commentText(call.doc)} */`];
    return [...comment, ...wrapLine(`  ${this.symbols.functions.get(shared?.fn ?? call.fn)}(${args.join(', ')});`)];
  }

  private argument(param: Param, arg: Argument, call: Call): string {
    if (param.kind === 'scalar' && arg.kind === 'scalar') return literal(arg.type, arg.value);
    if (param.kind === 'scalar' || arg.kind === 'scalar') {
      throw new Error(`${call.doc}: ${call.fn}: parameter ${param.name} is a ${param.kind}, its argument is not`);
    }
    const type = C_ELEM[param.elem];
    const pointer = param.access === 'in' || param.access === 'rom' ? `const ${type} *` : `${type} *`;
    const wide = ELEM_BYTES[param.elem] > 1;
    switch (arg.kind) {
      case 'arena': {
        const { text, isSum } = addressIn(this.face.arenas, arg);
        if (param.elem === 'u8') return text;
        const operand = isSum ? `(${text})` : text;
        return wide ? `(${pointer})(void *)${operand}` : `(${pointer})${operand}`;
      }
      case 'rom':
        return this.typed(
          this.symbols.roms.get(arg.name),
          this.program.roms.find((r) => r.name === arg.name)?.elem,
          param,
          pointer,
        );
      case 'input':
        return this.typed(
          within(this.face.inputs[arg.index], param, arg),
          this.program.inputs[arg.index]?.elem,
          param,
          pointer,
        );
      case 'output':
        return this.typed(
          within(this.face.outputs[arg.index], param, arg),
          this.program.outputs[arg.index]?.elem,
          param,
          pointer,
        );
    }
  }

  /** The name, converted when the kernel sees other elements there. */
  private typed(name: string | undefined, elem: string | undefined, param: Param, pointer: string): string {
    if (name === undefined || elem === undefined || param.kind !== 'buffer') {
      throw new Error(`parameter ${param.name}: its argument names no input, output or constant of the program`);
    }
    if (elem === param.elem) return name;
    const plain = pointer.startsWith('const') ? 'const void *' : 'void *';
    return `(${pointer})(${plain})${name.includes(' ') ? `(${name})` : name}`;
  }
}

/** The address in a port's buffer, whose elements are as wide as those of the kernel's parameter. */
function within(name: string | undefined, param: BufferParam, place: Place): string | undefined {
  const offset = offsetOf(place) / ELEM_BYTES[param.elem];
  return offset === 0 || name === undefined ? name : `${name} + ${offset}`;
}
