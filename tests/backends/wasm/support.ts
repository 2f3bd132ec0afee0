import { emitWasm, type Optimize } from '../../../backends/wasm/index.ts';
import { ELEM_BYTES, type Program } from '../../../ir/loop/types.ts';

/** The types of Node know only a part of this global. */
const { Module, Instance: ModuleInstance } = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;

interface Engine {
  readonly Module: (new (bytes: Uint8Array) => object) & { imports: (module: object) => readonly unknown[] };
  readonly Instance: new (module: object) => { readonly exports: object };
}

/** A compiled program with the interface of the interpreter's `Machine`. */
export interface Instance {
  readonly run: (inputs: readonly Uint8Array[]) => Uint8Array[];
  readonly reset: () => void;
  /** The bytes of the arena, to be read and written in place. */
  readonly arena: Uint8Array;
  /** How many bytes the module has, and how many things it imports and exports. */
  readonly bytes: number;
  readonly imports: number;
  readonly exports: readonly string[];
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly run: () => void;
  readonly reset?: () => void;
}

export function instantiate(program: Program, optimize: Optimize): Instance {
  const { wasm, layout } = emitWasm(program, { optimize });
  const module = new Module(wasm);
  const exports = new ModuleInstance(module).exports as Exports;
  const { memory, run, reset } = exports;
  return {
    bytes: wasm.length,
    imports: Module.imports(module).length,
    exports: Object.keys(exports),
    reset: () => reset?.(),
    arena: new Uint8Array(memory.buffer, layout.arena, program.arenaBytes),
    run: (inputs) => {
      inputs.forEach((bytes, i) => {
        new Uint8Array(memory.buffer, layout.inputs[i] as number).set(bytes);
      });
      run();
      return program.outputs.map((port, i) =>
        new Uint8Array(memory.buffer, layout.outputs[i] as number, port.length * ELEM_BYTES[port.elem]).slice(),
      );
    },
  };
}

/** The place of the first byte that differs, and both values; `undefined` when all are equal. */
export function firstDifference(expected: Uint8Array, found: Uint8Array): string | undefined {
  if (expected.length !== found.length) return `expected ${expected.length} bytes, found ${found.length}`;
  const at = expected.findIndex((byte, i) => byte !== found[i]);
  return at < 0 ? undefined : `byte ${at}: expected ${expected[at]}, found ${found[at]}`;
}
