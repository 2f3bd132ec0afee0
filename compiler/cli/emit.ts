/** The files that `mcc build` writes for a target. */
import type { EmitOptions, EmittedFile } from '../../backends/c/index.ts';
import { identifier, isPrefix } from '../../backends/c/index.ts';
import { emitProject } from '../../backends/c/project.ts';
import type { Tier } from '../../backends/wasm/package.ts';
import type { Program } from '../../ir/loop/types.ts';
import { findTarget, isMicrocontroller, type Target } from '../targets/index.ts';
import { type NativeEngine, nativeEngines, renderCMakeLists, runtimeFiles } from './engines/native.ts';
import { readText, type TextOrBytes } from './output.ts';

export interface EmitRequest {
  /** The model's name: prefix of C symbols, name of the npm package. */
  readonly name: string;
  readonly banner: readonly string[];
  /** Of a package for WebAssembly: the programs of its tiers, `program` among them for the slowest. */
  readonly tiers?: readonly TierProgram[];
}

/** The same model compiled for one tier of WebAssembly. */
export interface TierProgram {
  readonly tier: Tier;
  readonly program: Program;
}

/** The tier of a target's programs. */
export function tierOf({ vector }: Target): Tier {
  if (vector === 'v128-relaxed') return 'relaxed';
  return vector === 'v128' ? 'simd' : 'scalar';
}

/** An output folder's files, by path relative to it. */
export async function emitFor(program: Program, target: Target, request: EmitRequest): Promise<TextOrBytes[]> {
  const { banner } = request;
  if (target.backend === 'wasm') {
    // Loaded only here: its libraries take longer to load than a model takes to compile to C.
    const { emitPackage } = await import('../../backends/wasm/package.ts');
    const { emitWasm } = await import('../../backends/wasm/index.ts');
    const { tiers = [{ tier: tierOf(target), program }] } = request;
    const modules = tiers.map((one) => ({ ...one, ...emitWasm(one.program, { relaxed: one.tier === 'relaxed' }) }));
    // What gains nothing from a tier needs no module for it.
    const distinct = modules.filter(({ wasm }, i) => !modules.some((other, j) => j > i && sameBytes(wasm, other.wasm)));
    return emitPackage(program, { name: packageName(request.name), banner: banner.join('\n') }, distinct);
  }
  return projectFiles(program, { prefix: prefixOf(request.name), target: target.name, banner });
}

/** The C project with the harness that runs it on the target's board or on this machine. Small cores get shared kernels. */
export function projectFiles(
  program: Program,
  options: Omit<EmitOptions, 'share'> & { readonly target: string },
): TextOrBytes[] {
  const target = findTarget(options.target);
  const share = target !== undefined && isMicrocontroller(target);
  const runtime = runtimeFiles(harnessOf(options.target)).map(
    ({ from, to }): EmittedFile => ({ name: to, text: readText(from) }),
  );
  const { files } = emitProject(program, { ...options, share, runtime, cmakeLists: renderCMakeLists });
  return files.map(({ name, text }) => ({ path: name, content: text }));
}

/** The engine whose harness and board files a target's project carries; the host's where it has none of its own. */
function harnessOf(target: string): NativeEngine {
  return (nativeEngines as readonly string[]).includes(target) ? (target as NativeEngine) : 'c';
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** A C prefix made from a model's name. */
export function prefixOf(name: string): string {
  const made = identifier(name.toLowerCase());
  return isPrefix(made) ? made : `model_${made}`;
}

/** An npm name made from a model's name. */
export function packageName(name: string): string {
  const made = name
    .toLowerCase()
    .replace(/[^a-z0-9._~-]+/g, '-')
    .replace(/^[._-]+|-+$/g, '');
  return made === '' ? 'model' : made;
}
