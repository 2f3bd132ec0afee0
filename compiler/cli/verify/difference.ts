/** Comparing outputs: byte for byte, or floats within a tolerance. */
import { dataFromBytes } from '../../../ir/tensor/bytes.ts';
import { isFloat, type TensorType } from '../../../ir/tensor/types.ts';
import type { Runs } from '../engines/index.ts';

export interface Difference {
  readonly run: number;
  readonly port: number;
  /** The first element that differs. */
  readonly index: number;
  readonly expected: number | bigint;
  readonly found: number | bigint;
  /** How many elements of that output differ. */
  readonly count: number;
}

/** The first difference in order of run, output and element. `tolerance` is absolute and applies to floats only; 0 compares bytes. */
export function firstDifference(
  types: readonly TensorType[],
  expected: Runs,
  found: Runs,
  tolerance: number,
): Difference | undefined {
  for (let run = 0; run < expected.length; run++) {
    for (let port = 0; port < types.length; port++) {
      const a = (expected[run] as readonly Uint8Array[])[port] as Uint8Array;
      const b = (found[run] as readonly Uint8Array[])[port] as Uint8Array;
      const difference = differenceOf(types[port] as TensorType, a, b, tolerance);
      if (difference !== undefined) return { run, port, ...difference };
    }
  }
  return undefined;
}

function differenceOf(
  type: TensorType,
  expected: Uint8Array,
  found: Uint8Array,
  tolerance: number,
): Omit<Difference, 'run' | 'port'> | undefined {
  if (Buffer.compare(expected, found) === 0) return undefined;
  const a = dataFromBytes(type, expected);
  const b = dataFromBytes(type, found);
  const close = (i: number): boolean => {
    const x = a[i] as number;
    const y = b[i] as number;
    if (Object.is(x, y)) return true;
    return (
      isFloat(type.dtype) && tolerance > 0 && (Math.abs(x - y) <= tolerance || (Number.isNaN(x) && Number.isNaN(y)))
    );
  };
  const different = Array.from({ length: a.length }, (_, i) => i).filter((i) => !close(i));
  const index = different[0];
  if (index === undefined)
    return tolerance === 0 ? { index: 0, expected: Number.NaN, found: Number.NaN, count: 0 } : undefined;
  return {
    index,
    expected: a[index] as number | bigint,
    found: b[index] as number | bigint,
    count: different.length,
  };
}
