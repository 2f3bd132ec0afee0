/**
 * Engines: the ways to run a model here. `reference` evaluates tensor IR and is the definition; all others run the compiled
 * program and must give the same bytes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Machine } from '../../../ir/loop/evaluate.ts';
import { ELEM_BYTES, type Program } from '../../../ir/loop/types.ts';
import { bytesOf, dataFromBytes } from '../../../ir/tensor/bytes.ts';
import { Evaluator } from '../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../../ir/tensor/graph.ts';
import { compile } from '../../compile.ts';
import { TARGETS, type TargetName } from '../../targets/index.ts';
import { projectFiles } from '../emit.ts';
import { writeFiles } from '../output.ts';
import {
  type CompileOptions,
  compileProjectAsync,
  type Executable,
  findToolchain,
  type NativeEngine,
  nativeEngines,
  runExecutableAsync,
} from './native.ts';

export const ENGINES = ['reference', 'loop', 'wasm', ...nativeEngines] as const;
export type EngineName = (typeof ENGINES)[number];

/** Inputs or outputs of several inferences: `[run][port]`, raw little-endian bytes. */
export type Runs = readonly (readonly Uint8Array[])[];

export interface RunOptions {
  /** Keep the state from one run to the next instead of resetting it before each. */
  readonly keepState?: boolean;
}

/** A model made ready on one engine. */
export interface Session {
  run(runs: Runs, options?: RunOptions): Promise<Runs>;
  close(): void;
}

export interface SessionOptions {
  /** For engines that compile C. */
  readonly native?: Partial<Omit<CompileOptions, 'outDir'>>;
}

export function isEngine(name: string): name is EngineName {
  return (ENGINES as readonly string[]).includes(name);
}

function isNative(engine: EngineName): engine is NativeEngine {
  return (nativeEngines as readonly string[]).includes(engine);
}

/** What an engine lacks on this machine, with the command that installs it; undefined when it can run. */
export function missingFor(engine: EngineName): string | undefined {
  if (!isNative(engine)) return undefined;
  const found = findToolchain(engine);
  return 'missing' in found ? `${found.missing} is not installed; on Debian: ${found.install}` : undefined;
}

/** The target whose code an engine runs. */
export function targetOf(engine: Exclude<EngineName, 'reference'>): TargetName {
  if (engine === 'loop' || engine === 'emcc') return 'c';
  return engine;
}

/** Throws the errors of compilation, and NativeEngineError where a toolchain is missing or refuses. */
export async function openSession(engine: EngineName, graph: Graph, options: SessionOptions = {}): Promise<Session> {
  if (engine === 'reference') return referenceSession(graph);
  const { program } = compile(graph, TARGETS[targetOf(engine)]);
  if (engine === 'loop') return loopSession(program);
  if (engine === 'wasm') return wasmSession(program);
  return nativeSession(program, engine, options);
}

/** Runs inferences one by one on something that keeps its state until it is reset. */
function sequential(step: (inputs: readonly Uint8Array[]) => readonly Uint8Array[], reset: () => void): Session {
  return {
    async run(runs, options = {}) {
      reset();
      return runs.map((inputs) => {
        if (options.keepState !== true) reset();
        return step(inputs);
      });
    },
    close() {},
  };
}

function referenceSession(graph: Graph): Session {
  const evaluator = new Evaluator(graph);
  const step = (inputs: readonly Uint8Array[]) => {
    const data = graph.inputs.map((name, i) => dataFromBytes(typeOfValue(graph, name), inputs[i] as Uint8Array));
    return evaluator.run(data).outputs.map((values, i) => {
      return bytesOf(typeOfValue(graph, graph.outputs[i] as string), values);
    });
  };
  return sequential(step, () => evaluator.reset());
}

function loopSession(program: Program): Session {
  const machine = new Machine(program);
  return sequential(
    (inputs) => machine.run(inputs),
    () => machine.reset(),
  );
}

interface WasmExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly run: () => void;
  readonly reset?: () => void;
}

/** Node has it; its types are those of the DOM, which nothing else here needs. */
declare const WebAssembly: {
  instantiate(bytes: Uint8Array): Promise<{ readonly instance: { readonly exports: unknown } }>;
};

/** A module of the program in this process. */
export async function wasmSession(program: Program): Promise<Session> {
  const { emitWasm } = await import('../../../backends/wasm/index.ts');
  const { wasm, layout } = emitWasm(program);
  const { instance } = await WebAssembly.instantiate(wasm);
  const { memory, run, reset } = instance.exports as WasmExports;
  const bytes = new Uint8Array(memory.buffer);
  const sizes = program.outputs.map(({ length, elem }) => length * ELEM_BYTES[elem]);
  const step = (inputs: readonly Uint8Array[]) => {
    inputs.forEach((input, i) => {
      bytes.set(input, layout.inputs[i] as number);
    });
    run();
    return sizes.map((size, i) => bytes.slice(layout.outputs[i] as number, (layout.outputs[i] as number) + size));
  };
  return sequential(step, () => reset?.());
}

async function nativeSession(program: Program, engine: NativeEngine, options: SessionOptions): Promise<Session> {
  const folder = mkdtempSync(join(tmpdir(), 'mcc-build-'));
  const close = () => rmSync(folder, { recursive: true, force: true });
  try {
    writeFiles(folder, projectFiles(program, { prefix: 'model', target: targetOf(engine), banner: [] }));
    const outDir = join(folder, 'out');
    const executable: Executable = await compileProjectAsync(folder, engine, { ...options.native, outDir });
    return {
      run: async (runs, { keepState = false } = {}) =>
        (await runExecutableAsync(executable, runs, { keepState })).outputs,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
