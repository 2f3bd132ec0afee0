/** What operations cost on kinds of cores: the numbers behind `mcc inspect`'s predictions. */
import type { OpClass } from '../../ir/loop/cost.ts';

type Weights = Readonly<Record<OpClass, number>>;

export interface CostTable {
  /** Those of SMALL_CORE are fitted to counts under an emulator (tests/models/counts.test.ts holds them to it). */
  readonly instructions: Weights;
  /** From the cores' public timing tables; they rank, they do not promise. */
  readonly cycles: Weights;
}

/**
 * Armv7E-M, gcc 12 at -O2: a ridge fit to the counted instructions of 44 int8 networks (those of tests/networks and the
 * shared models), by network and by kernel. Of 44 sums, 38 were within 10 %, the worst 20 % high.
 */
const SMALL_INSTRUCTIONS: Weights = {
  load1: 1,
  load2: 1.2,
  load4: 0.97,
  load8: 0.84,
  load16: 8,
  store1: 1.06,
  store2: 1.2,
  store4: 1.3,
  store8: 2,
  store16: 8,
  alu: 1,
  mul: 1.15,
  mulhi: 1.8,
  mac: 1.18,
  div: 1.3,
  fixed: 4.2,
  i64: 2,
  i64mul: 3,
  f32: 0.9,
  f32div: 1.2,
  f64: 40,
  f64div: 200,
  vector: 16,
  vectorMac: 16,
  branch: 1.25,
  call: 6,
};

/** A small in-order core with a single-precision FPU, flash without wait states, and vectors done lane by lane. */
const SMALL_CYCLES: Weights = {
  load1: 2,
  load2: 2,
  load4: 2,
  load8: 3,
  load16: 8,
  store1: 2,
  store2: 2,
  store4: 2,
  store8: 3,
  store16: 8,
  alu: 1,
  mul: 1,
  mulhi: 1,
  mac: 1,
  div: 7,
  fixed: 4,
  i64: 2,
  i64mul: 3,
  f32: 1,
  f32div: 14,
  f64: 40,
  f64div: 200,
  vector: 16,
  vectorMac: 16,
  branch: 4,
  call: 8,
};

export const SMALL_CORE: CostTable = { instructions: SMALL_INSTRUCTIONS, cycles: SMALL_CYCLES };

/** In place of the FPU's instructions: calls of library functions. */
export const SOFT_FLOAT = { f32: 40, f32div: 120 } as const;

/** A small core that differs in the cycles of some classes, or in the instructions that they take. */
export function smallCore(cycles: Partial<Weights>, instructions: Partial<Weights> = {}): CostTable {
  return { instructions: { ...SMALL_INSTRUCTIONS, ...instructions }, cycles: { ...SMALL_CYCLES, ...cycles } };
}

/** Helium's vectors are an instruction each, but for those that narrow or add what they widen. */
export const HELIUM_INSTRUCTIONS = { load4: 1, load16: 1, store16: 1, vector: 1.25, vectorMac: 1 } as const;

const WIDE_CYCLES: Weights = {
  load1: 0.5,
  load2: 0.5,
  load4: 0.5,
  load8: 0.5,
  load16: 0.5,
  store1: 1,
  store2: 1,
  store4: 1,
  store8: 1,
  store16: 1,
  alu: 0.25,
  mul: 1,
  mulhi: 1,
  mac: 1,
  div: 10,
  fixed: 3,
  i64: 0.25,
  i64mul: 1,
  f32: 0.5,
  f32div: 5,
  f64: 0.5,
  f64div: 7,
  vector: 0.5,
  vectorMac: 0.5,
  branch: 0.5,
  call: 2,
};

const WIDE_INSTRUCTIONS: Weights = {
  ...(Object.fromEntries(Object.keys(WIDE_CYCLES).map((name) => [name, 1])) as Weights),
  fixed: 6,
  branch: 2,
};

/** A superscalar core with 128-bit vectors. */
export const WIDE_CORE: CostTable = { instructions: WIDE_INSTRUCTIONS, cycles: WIDE_CYCLES };
