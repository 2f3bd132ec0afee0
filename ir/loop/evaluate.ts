/**
 * Runs loop IR: the definition of what a function or a program computes, which every backend must match byte for byte.
 *
 * Nothing is trusted: each access is checked against its buffer, stores to `in` and `rom` are refused, arithmetic that
 * promises not to overflow is checked. The text of an error names the function, the expression and the values.
 */
import { type Compiled, compileAll } from './evaluate-function.ts';
import { type Memory, memoryFor } from './evaluate-memory.ts';
import type { RegisterValue } from './instructions.ts';
import { printCall } from './print.ts';
import {
  type Argument,
  type BufferParam,
  type Call,
  ELEM_BYTES,
  type Func,
  offsetOf,
  type Param,
  type Port,
  type Program,
} from './types.ts';

/** What memory holds before anything is written to it. Results that depend on it are wrong. */
const POISON = 0xa5;

/** A call with its arguments bound to memory. */
interface BoundCall {
  /** Names the call in errors. */
  readonly where: string;
  readonly compiled: Compiled;
  readonly memories: readonly Memory[];
  readonly scalars: readonly RegisterValue[];
}

function portBytes(port: Port): Uint8Array {
  return new Uint8Array(port.length * ELEM_BYTES[port.elem]);
}

function bufferParams(fn: Func): BufferParam[] {
  return fn.params.filter((param) => param.kind === 'buffer');
}

function execute({ where, compiled, memories, scalars }: BoundCall): RegisterValue | undefined {
  try {
    return compiled.call(memories, scalars);
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  }
}

/** A program with its memory. State lives from one `run` to the next; `reset` starts afresh, as does the constructor. */
export class Machine {
  private readonly program: Program;
  private readonly arena: Uint8Array;
  private readonly inputs: readonly Uint8Array[];
  private readonly outputs: readonly Uint8Array[];
  private readonly roms: ReadonlyMap<string, Uint8Array>;
  private readonly runCalls: readonly BoundCall[];
  private readonly resetCalls: readonly BoundCall[];

  /** Throws on calls whose arguments do not fit; run the verifier for a full list of what is wrong with a program. */
  constructor(program: Program) {
    this.program = program;
    this.arena = new Uint8Array(program.arenaBytes);
    this.inputs = program.inputs.map(portBytes);
    this.outputs = program.outputs.map(portBytes);
    this.roms = new Map(program.roms.map((rom) => [rom.name, Uint8Array.from(rom.bytes)]));
    const compiled = compileAll(program.functions);
    this.runCalls = program.run.map((call) => this.bind(call, compiled));
    this.resetCalls = program.reset.map((call) => this.bind(call, compiled));
    this.reset();
  }

  /** Forgets the state. */
  reset(): void {
    this.arena.fill(POISON);
    for (const call of this.resetCalls) execute(call);
  }

  /**
   * One inference. Takes and returns raw little-endian bytes, one array per port; the arrays returned are copies.
   * The arena beyond the state is poisoned first: nothing may be left there for the next inference.
   */
  run(inputs: readonly Uint8Array[]): Uint8Array[] {
    this.arena.fill(POISON, this.program.stateBytes);
    if (inputs.length !== this.inputs.length) {
      throw new Error(`${this.program.name} has ${this.inputs.length} inputs, found ${inputs.length}`);
    }
    this.inputs.forEach((memory, i) => {
      const found = inputs[i] as Uint8Array;
      if (found.length !== memory.length) {
        const { name, elem, length } = this.program.inputs[i] as Port;
        const expected = `${memory.length} bytes (${elem}[${length}])`;
        throw new Error(`${this.program.name}: input ${i} (${name}) needs ${expected}, found ${found.length}`);
      }
      memory.set(found);
    });
    for (const output of this.outputs) output.fill(POISON);
    for (const call of this.runCalls) execute(call);
    return this.outputs.map((output) => output.slice());
  }

  private bind(call: Call, functions: ReadonlyMap<string, Compiled>): BoundCall {
    const text = printCall(call);
    const compiled = functions.get(call.fn);
    if (compiled === undefined) throw new Error(`${text}: there is no function ${call.fn}`);
    const { fn } = compiled;
    if (fn.params.length !== call.args.length) {
      throw new Error(`${text}: ${fn.name} takes ${fn.params.length} arguments, found ${call.args.length}`);
    }
    const memories: Memory[] = [];
    const scalars: RegisterValue[] = [];
    fn.params.forEach((param, i) => {
      const arg = call.args[i] as Argument;
      if (param.kind === 'scalar') scalars.push(this.scalar(text, param, arg));
      else memories.push(memoryFor(text, param, this.bytes(text, param, arg)));
    });
    const where = call.doc === '' ? fn.name : `${fn.name} (${call.doc})`;
    return { where, compiled, memories, scalars };
  }

  private scalar(text: string, param: Param & { kind: 'scalar' }, arg: Argument): RegisterValue {
    if (arg.kind !== 'scalar' || arg.type !== param.type) {
      throw new Error(`${text}: ${param.name} takes a constant of type ${param.type}`);
    }
    return arg.value;
  }

  private bytes(text: string, param: BufferParam, arg: Argument): Uint8Array {
    const size = param.length * ELEM_BYTES[param.elem];
    const found = this.place(arg);
    if (found === undefined) throw new Error(`${text}: ${param.name} has no such place to lie in`);
    const offset = arg.kind === 'scalar' ? 0 : offsetOf(arg);
    if (offset < 0 || offset + size > found.length) {
      throw new Error(`${text}: ${param.name} needs ${size} bytes from ${offset}, found ${found.length} in all`);
    }
    return found.subarray(offset, offset + size);
  }

  private place(arg: Argument): Uint8Array | undefined {
    switch (arg.kind) {
      case 'arena':
        return this.arena;
      case 'rom':
        return this.roms.get(arg.name);
      case 'input':
        return this.inputs[arg.index];
      case 'output':
        return this.outputs[arg.index];
      case 'scalar':
        return undefined;
    }
  }
}

/**
 * Runs one function. `buffers` are those of its buffer parameters in order, exactly as long as declared, and modified in
 * place; `scalars` are those of its scalar parameters. Returns a helper's result.
 */
export function callFunction(
  fn: Func,
  helpers: readonly Func[],
  buffers: readonly Uint8Array[],
  scalars: readonly RegisterValue[],
): RegisterValue | undefined {
  const params = bufferParams(fn);
  const wanted = fn.params.length - params.length;
  if (params.length !== buffers.length || wanted !== scalars.length) {
    const found = `${buffers.length} and ${scalars.length}`;
    throw new Error(`${fn.name} takes ${params.length} buffers and ${wanted} scalars, found ${found}`);
  }
  const compiled = compileAll([fn, ...helpers]).get(fn.name) as Compiled;
  const memories = params.map((param, i) => memoryFor(fn.name, param, buffers[i] as Uint8Array));
  return execute({ where: fn.name, compiled, memories, scalars });
}
