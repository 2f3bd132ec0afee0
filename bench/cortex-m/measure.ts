/** Builds a model for a core, runs one inference on the emulated board, and counts. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectFiles } from '../../compiler/cli/emit.ts';
import { codeSize, compileProject, type Executable, runExecutable } from '../../compiler/cli/engines/native.ts';
import { writeFiles } from '../../compiler/cli/output.ts';
import { lowerVerified } from '../../compiler/compile.ts';
import type { Plan } from '../../compiler/lower/index.ts';
import type { Optimize } from '../../compiler/lower/kernel.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import type { Program } from '../../ir/loop/types.ts';
import type { Graph } from '../../ir/tensor/graph.ts';
import { modelledCycles } from './cycles.ts';
import { addressOf, type Instruction, type ListedFunction, listProgram } from './listing.ts';

export const CORES = [
  'cortex-m4',
  'cortex-m55',
  'cortex-m3',
  'cortex-m0plus',
  'cortex-m7',
  'cortex-m33',
  'rv32imc',
] as const;
export type Core = (typeof CORES)[number];

export interface FunctionCount {
  readonly name: string;
  readonly instructions: number;
  readonly cycles: number;
}

export interface Measured {
  readonly program: Program;
  readonly plan: Plan;
  /** Of one inference, from the call of the model's run function to its return. */
  readonly instructions: number;
  /** By the Cortex-M4 model of cycles.ts; it says little about other cores. */
  readonly cycles: number;
  /** Busiest first. */
  readonly functions: readonly FunctionCount[];
  /** Bytes of the model's own object file. */
  readonly text: number;
  readonly constants: number;
  /** Bytes of the graph's constants: weights, biases and the like, before they are arranged for kernels. */
  readonly weights: number;
  readonly arena: number;
  /** The deepest frame of any kernel and the run function's own. */
  readonly stack: number;
  readonly outputs: readonly Uint8Array[];
}

export interface Request {
  /** Simplified. */
  readonly graph: Graph;
  /** bench:host counts on AArch64 under qemu-user in the same way; the modelled cycles mean nothing there. */
  readonly core: Core | 'aarch64';
  readonly optimize: Optimize;
  readonly inputs: readonly Uint8Array[];
  /** Further flags for the compiler. */
  readonly flags?: readonly string[];
}

/** Throws NativeEngineError when a tool is missing or the compiler refuses. */
export function measure({ graph, core, optimize, inputs, flags = [] }: Request): Measured {
  const { program, plan } = lowerVerified(graph, TARGETS[core], { optimize });
  const folder = mkdtempSync(join(tmpdir(), 'mcc-bench-'));
  try {
    writeFiles(folder, projectFiles(program, { prefix: 'model', target: core, banner: [] }));
    const executable = compileProject(folder, core, {
      outDir: join(folder, 'out'),
      optimize: optimize === 'size' ? '-Os' : '-O2',
      flags: ['-fstack-usage', ...flags],
    });
    const functions = listProgram(objdumpOf(executable), executable.program);
    const countsFile = join(folder, 'counts');
    const plugin = pluginArgument(functions, countsFile);
    const { outputs } = runExecutable(executable, [inputs], { emulatorArgs: ['-plugin', plugin], timeoutMs: 600_000 });
    const counted = countFunctions(functions, readCounts(countsFile));
    const object = executable.objects.find(({ source }) => source.endsWith('/model.c'))?.object as string;
    const { text, rodata, data } = codeSize(object);
    return {
      program,
      plan,
      instructions: counted.reduce((sum, f) => sum + f.instructions, 0),
      cycles: counted.reduce((sum, f) => sum + f.cycles, 0),
      functions: counted,
      text,
      constants: rodata + data,
      weights: [...graph.constants.values()].reduce((sum, { data: values }) => sum + values.byteLength, 0),
      arena: program.arenaBytes,
      stack: stackOf(object),
      outputs: outputs[0] as readonly Uint8Array[],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The disassembler that belongs to the compiler. */
function objdumpOf({ toolchain }: Executable): string {
  return toolchain.compiler.replace(/gcc$/, 'objdump');
}

function pluginArgument(functions: readonly ListedFunction[], out: string): string {
  const addresses = functions.flatMap(({ instructions }) => instructions.map(({ address }) => address));
  const base = addresses.reduce((a, b) => Math.min(a, b));
  const end = addresses.reduce((a, b) => Math.max(a, b));
  const fields = {
    begin: addressOf(functions, 'mcc_inference_begins'),
    end: addressOf(functions, 'mcc_inference_ends'),
    base,
    bytes: end - base + 4,
  };
  const text = Object.entries(fields).map(([name, value]) => `${name}=0x${value.toString(16)}`);
  return [pluginPath(), ...text, `out=${out}`].join(',');
}

/** Compiled once for each version of its source. */
function pluginPath(): string {
  const source = join(dirname(fileURLToPath(import.meta.url)), 'count.c');
  const folder = join(tmpdir(), 'mcc-bench-plugin');
  const library = join(folder, `count-${Math.round(statSync(source).mtimeMs)}.so`);
  if (!existsSync(library)) {
    mkdirSync(folder, { recursive: true });
    execFileSync('cc', ['-O2', '-fPIC', '-shared', '-o', `${library}.${process.pid}`, source]);
    execFileSync('mv', [`${library}.${process.pid}`, library]);
  }
  return library;
}

function readCounts(path: string): ReadonlyMap<number, number> {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [address, count] = line.split(' ') as [string, string];
      return [Number.parseInt(address, 16), Number(count)];
    }),
  );
}

function countFunctions(
  functions: readonly ListedFunction[],
  counts: ReadonlyMap<number, number>,
): readonly FunctionCount[] {
  const all: FunctionCount[] = functions.map(({ name, instructions: code }) => {
    const own = code.map(({ address }: Instruction) => counts.get(address) ?? 0);
    return { name, instructions: own.reduce((a, b) => a + b, 0), cycles: modelledCycles(code, own) };
  });
  return all.filter(({ instructions }) => instructions > 0).sort((a, b) => b.instructions - a.instructions);
}

/** From what -fstack-usage leaves beside the object: kernels do not call each other, the run function calls them. */
function stackOf(object: string): number {
  const frames = readFileSync(object.replace(/\.o$/, '.su'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [place, bytes] = line.split('\t') as [string, string];
      return { isRun: place.endsWith(':model_run'), bytes: Number(bytes) };
    });
  const deepest = (run: boolean) =>
    frames.filter(({ isRun }) => isRun === run).reduce((most, { bytes }) => Math.max(most, bytes), 0);
  return deepest(true) + deepest(false);
}
