/** `mcc build`: the sources or the package of a model for one target. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Tier } from '../../../backends/wasm/package.ts';
import { compile } from '../../compile.ts';
import type { Optimize } from '../../lower/kernel.ts';
import { weightBytes } from '../../report/figures.ts';
import { memoryText } from '../../report/memory.ts';
import { findTarget, TARGETS, type Target } from '../../targets/index.ts';
import { emitFor, tierOf } from '../emit.ts';
import { type LoadedModel, loadModel, type ModelOptions } from '../model.ts';
import { UsageError, writeOutput } from '../output.ts';
import { type MemoryOptions, memoryOf } from '../sizes.ts';
import { VERSION } from '../version.ts';

export interface BuildOptions extends ModelOptions, MemoryOptions {
  readonly target: string;
  readonly output: string;
  readonly via?: string;
  readonly optimize?: string;
  readonly tiers?: string;
}

export async function build(path: string, options: BuildOptions): Promise<void> {
  const target = targetNamed(options.target);
  const via = options.via;
  if (via !== undefined && (via !== 'emcc' || target.backend !== 'wasm')) {
    throw new UsageError(`--via ${via}: expected "emcc" together with --target wasm`);
  }
  if (options.tiers !== undefined && (via !== undefined || target.name !== 'wasm')) {
    throw new UsageError(`--tiers ${options.tiers}: only for --target wasm, without --via`);
  }
  const tiers = target.backend === 'wasm' && via === undefined ? tierTargets(target, options.tiers) : [target];
  const model = loadModel(path, options);
  const wanted = { optimize: optimizeNamed(options.optimize), ...memoryOf(options, target) };
  const all = tiers.map((one) => compile(model.graph, one, wanted));
  // What every engine that the package is for can run: the last.
  const fitted = all[all.length - 1] as (typeof all)[number];
  const { program } = fitted;
  const request = {
    name: model.file.name,
    banner: bannerOf(model, target),
    ...(target.backend === 'wasm' && {
      tiers: all.map((one, i) => ({ tier: tierOf(tiers[i] as Target), program: one.program })),
    }),
  };
  const files =
    via === undefined
      ? await emitFor(program, target, request)
      : await (await import('../engines/emcc-package.ts')).emitViaEmcc(program, request);
  writeOutput(options.output, files);
  const bytes = files.reduce((sum, { content }) => sum + content.length, 0);
  console.log(`${options.output}: ${files.length} files, ${bytes} bytes, for ${target.name}`);
  console.log(`  weights ${weightBytes(program)} bytes, arena ${program.arenaBytes} bytes`);
  for (const line of memoryText(fitted)) console.log(`  ${line}`);
}

const TIER_TARGETS = {
  relaxed: TARGETS['wasm-relaxed'],
  simd: TARGETS.wasm,
  scalar: TARGETS['wasm-scalar'],
} as const satisfies Record<Tier, Target>;
const DEFAULT_TIERS = 'relaxed,simd';

/** The targets of a package's tiers, the fastest first. Throws UsageError for a list that names something else. */
function tierTargets(target: Target, list: string | undefined): readonly Target[] {
  if (target.name !== 'wasm') return [target];
  const named = (list ?? DEFAULT_TIERS).split(',');
  const all = Object.keys(TIER_TARGETS) as Tier[];
  const unknown = named.find((name) => !(all as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--tiers ${list}: no tier "${unknown}"; expected a list of ${all.join(', ')}`);
  }
  return all.filter((tier) => named.includes(tier)).map((tier) => TIER_TARGETS[tier]);
}

/** Throws UsageError that lists the targets. */
export function targetNamed(name: string): Target {
  const target = findTarget(name);
  if (target === undefined) {
    throw new UsageError(`--target ${name}: no such target; expected one of ${Object.keys(TARGETS).join(', ')}`);
  }
  return target;
}

/** Throws UsageError for anything but `speed` and `size`. */
export function optimizeNamed(name = 'speed'): Optimize {
  if (name !== 'speed' && name !== 'size') throw new UsageError(`--optimize ${name}: expected speed or size`);
  return name;
}

/** Who made the files from what, without paths or dates, so that equal models give equal files. */
function bannerOf({ file }: LoadedModel, target: Target): string[] {
  const digest = createHash('sha256').update(file.bytes).digest('hex').slice(0, 16);
  return [`Made by mcc ${VERSION} for ${target.name} from ${basename(file.path)} (sha256 ${digest}...).`];
}
