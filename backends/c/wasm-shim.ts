/** The C file that makes an emitted model a WebAssembly module: its buffers and entry points under fixed names. */
import type { Port, Program } from '../../ir/loop/types.ts';
import { C_ELEM } from './literals.ts';

export interface WasmShim {
  readonly text: string;
  /** Data symbols to export; each global holds the address of its buffer. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Exports `run` and, for a model with state, `reset`; the first `run` of an instance finds the state reset. */
export function wasmShim(program: Program, prefix: string): WasmShim {
  const inputs = program.inputs.map((_, k) => `mcc_input_${k}`);
  const outputs = program.outputs.map((_, k) => `mcc_output_${k}`);
  const hasState = program.reset.length > 0;
  const define = (port: Port, name: string) =>
    `__attribute__((aligned(16))) ${C_ELEM[port.elem]} ${name}[${Math.max(1, port.length)}];`;
  const lines = [
    `#include "${prefix}.h"`,
    '',
    ...program.inputs.map((port, k) => define(port, inputs[k] as string)),
    ...program.outputs.map((port, k) => define(port, outputs[k] as string)),
    `static __attribute__((aligned(${program.arenaAlign}))) uint8_t arena[${Math.max(1, program.arenaBytes)}];`,
    ...(hasState ? ['static int ready;'] : []),
    '',
    ...(hasState
      ? [
          '__attribute__((export_name("reset"))) void reset(void) {',
          `  ${prefix}_reset(arena);`,
          '  ready = 1;',
          '}',
          '',
        ]
      : []),
    '__attribute__((export_name("run"))) void run(void) {',
    ...(hasState ? ['  if (!ready) reset();'] : []),
    `  (void)${prefix}_run(${[...inputs, ...outputs, 'arena'].join(', ')});`,
    '}',
    '',
  ];
  return { text: lines.join('\n'), inputs, outputs };
}
