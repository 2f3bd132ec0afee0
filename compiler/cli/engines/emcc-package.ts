/** The npm package of a model whose module Emscripten compiles from the emitted C, instead of mcc's own backend. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitC } from '../../../backends/c/index.ts';
import { wasmShim } from '../../../backends/c/wasm-shim.ts';
import type { EmittedWasm } from '../../../backends/wasm/index.ts';
import { emitPackage } from '../../../backends/wasm/package.ts';
import { ELEM_BYTES, type Port, type Program } from '../../../ir/loop/types.ts';
import { type EmitRequest, packageName } from '../emit.ts';
import { Failure, type TextOrBytes, writeFiles } from '../output.ts';
import { compilerEnvironment, findToolchain } from './native.ts';
import { runCommand } from './process.ts';

const PAGE_BYTES = 65536;
const STACK_BYTES = 16384;
const COMPILE_LIMIT_MS = 300_000;

/** Throws Failure when Emscripten is missing or refuses. */
export function emitViaEmcc(program: Program, request: EmitRequest): TextOrBytes[] {
  const options = { name: packageName(request.name), banner: request.banner.join('\n') };
  return emitPackage(program, options, [{ tier: 'scalar', ...compileModule(program) }]);
}

function compileModule(program: Program): EmittedWasm {
  const toolchain = findToolchain('emcc');
  if ('missing' in toolchain) {
    throw new Failure(`--via emcc: ${toolchain.missing} is not installed; on Debian: ${toolchain.install}`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'mcc-emcc-'));
  try {
    const shim = wasmShim(program, 'model');
    const { files } = emitC(program, { prefix: 'model', banner: [] });
    writeFiles(folder, [
      ...files.map(({ name, text }) => ({ path: name, content: text })),
      { path: 'shim.c', content: shim.text },
    ]);
    const pages = Math.ceil(memoryBytes(program) / PAGE_BYTES) + 1;
    const exported = [...shim.inputs, ...shim.outputs].map((name) => `-Wl,--export=${name}`);
    const outcome = runCommand({
      command: toolchain.compiler,
      args: [
        ...['-O3', '-std=c99', '-ffp-contract=off', 'model.c', 'shim.c', '-o', 'model.wasm', '--no-entry'],
        ...['-sSTANDALONE_WASM', `-sINITIAL_MEMORY=${pages * PAGE_BYTES}`, `-sTOTAL_STACK=${STACK_BYTES}`, ...exported],
      ],
      cwd: folder,
      env: compilerEnvironment,
      timeoutMs: COMPILE_LIMIT_MS,
    });
    if (outcome.status !== 0) throw new Failure(`--via emcc: ${toolchain.compiler} failed:\n${outcome.stderr.trim()}`);
    const wasm = new Uint8Array(readFileSync(join(folder, 'model.wasm')));
    return { wasm, layout: { ...addresses(wasm, shim), pages } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function memoryBytes(program: Program): number {
  const ports = (list: readonly Port[]) =>
    list.reduce((sum, port) => sum + port.length * ELEM_BYTES[port.elem] + 16, 0);
  const roms = program.roms.reduce((sum, rom) => sum + rom.bytes.length + 16, 0);
  return STACK_BYTES + roms + ports(program.inputs) + ports(program.outputs) + program.arenaBytes + 1024;
}

/** Where the linker put the buffers: the values of the globals that the module exports. */
function addresses(
  wasm: Uint8Array,
  shim: { readonly inputs: readonly string[]; readonly outputs: readonly string[] },
): { inputs: number[]; outputs: number[]; arena: number } {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm), {});
  const address = (name: string) => (exports[name] as { readonly value: number }).value;
  return { inputs: shim.inputs.map(address), outputs: shim.outputs.map(address), arena: 0 };
}

/** Node has it; its types are those of the DOM, which nothing else here needs. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
};
