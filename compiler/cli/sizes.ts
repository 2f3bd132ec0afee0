/** Sizes of memory as a user writes them. */
import type { CompileOptions } from '../compile.ts';
import type { MemoryRegion } from '../plan/problem.ts';
import type { Target } from '../targets/index.ts';
import { UsageError } from './output.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, kib: 2 ** 10, m: 2 ** 20, mib: 2 ** 20 };

/** Bytes: `24576`, `24k`, `24KiB`, `1M`. Throws UsageError for anything else. */
export function bytesNamed(text: string, flag: string): number {
  const [, digits, unit] = /^(\d{1,10})([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = UNITS[(unit ?? '?').toLowerCase()];
  const bytes = Number(digits) * (factor ?? 0);
  if (factor === undefined || !(bytes >= 1 && bytes < 2 ** 31)) {
    throw new UsageError(`${flag} ${text}: expected bytes, as in 24576, 24k, 24KiB or 1M`);
  }
  return bytes;
}

export interface MemoryOptions {
  readonly ram?: string;
  readonly flash?: string;
  readonly region?: readonly string[];
}

/** Throws UsageError. */
export function memoryOf({ ram, flash, region = [] }: MemoryOptions, target: Target): CompileOptions {
  if (region.length > 0 && target.backend === 'wasm') {
    throw new UsageError(`--region ${region[0]}: WebAssembly has one memory; expected a target of C`);
  }
  const regions = region.map(regionNamed);
  const names = regions.map(({ name }) => name.toLowerCase());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`--region ${twice}: given twice`);
  return {
    ...(ram === undefined ? {} : { ram: bytesNamed(ram, '--ram') }),
    ...(flash === undefined ? {} : { flash: bytesNamed(flash, '--flash') }),
    ...(regions.length === 0 ? {} : { regions }),
  };
}

/** `dtcm=64k`, `sram=256k,weight=2`. Throws UsageError. */
function regionNamed(text: string): MemoryRegion {
  const [, name, size, weight = '1'] = /^([a-z][a-z0-9_]*)=([^,]+)(?:,weight=(\d+(?:\.\d+)?))?$/i.exec(text) ?? [];
  if (name === undefined || size === undefined || !(Number(weight) > 0)) {
    throw new UsageError(`--region ${text}: expected name=size or name=size,weight=cost, as in sram=256k,weight=2`);
  }
  return { name, bytes: bytesNamed(size, `--region ${name}`), weight: Number(weight) };
}
