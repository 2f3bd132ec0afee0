/** Loop IR to WebAssembly: one module per model, with a fixed memory and no imports. */
import type { Program } from '../../ir/loop/types.ts';
import { type Optimize, withModule } from './binaryen.ts';
import { type Layout, layoutOf } from './memory.ts';
import { buildModule } from './module.ts';

export type { Optimize } from './binaryen.ts';
export type { Layout } from './memory.ts';

export interface EmitOptions {
  /** Defaults to `speed`. */
  readonly optimize?: Optimize;
  /**
   * Use relaxed SIMD. The module computes what the program says where the relaxed dot product multiplies signed by unsigned
   * bytes without saturation, which `runtime/js/probe.js` finds out, and not elsewhere.
   */
  readonly relaxed?: boolean;
}

export interface EmittedWasm {
  readonly wasm: Uint8Array;
  readonly layout: Layout;
}

/**
 * The module exports `memory`, `run` and, for a model with state, `reset`; instantiating it has already reset the state.
 * The caller writes inputs and reads outputs at the layout's offsets. The same program gives the same bytes.
 *
 * @throws Error when the program calls what it does not define, or needs more memory than a module can have.
 */
export function emitWasm(program: Program, options: EmitOptions = {}): EmittedWasm {
  const optimize = options.optimize ?? 'speed';
  const memory = layoutOf(program);
  const { inputs, outputs, arena, pages } = memory;
  const wasm = withModule((module) => {
    module.setMemory(pages, memory.segments);
    buildModule(program, memory, module);
    module.validate();
    return optimize === 'none' ? module.binary() : module.optimizedBinary(optimize);
  }, options.relaxed);
  return { wasm, layout: { inputs, outputs, arena, pages } };
}

/** The module as text before the optimiser, without the constants' bytes. */
export function emitWat(program: Program): string {
  const memory = layoutOf(program);
  return withModule((module) => {
    module.setMemory(memory.pages, []);
    buildModule(program, memory, module);
    return module.text();
  });
}
