/** Sizes of a compiled program. */
import type { Program } from '../../ir/loop/types.ts';

/** Bytes of all constant tables in flash: weights, biases, multipliers, lookup tables. */
export function weightBytes(program: Program): number {
  return program.roms.reduce((sum, rom) => sum + rom.bytes.length, 0);
}
