/** Sizes of memory as a user writes them. */
import type { MemoryLimits } from '../lower/fit.ts';
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

export interface LimitOptions {
  readonly ram?: string;
  readonly flash?: string;
}

/** Throws UsageError. */
export function limitsOf({ ram, flash }: LimitOptions): MemoryLimits {
  return {
    ...(ram === undefined ? {} : { ram: bytesNamed(ram, '--ram') }),
    ...(flash === undefined ? {} : { flash: bytesNamed(flash, '--flash') }),
  };
}
