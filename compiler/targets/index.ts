/** What mcc can emit code for. A target is a record; lowering asks it for facts, never for its name. */
import type { OpClass } from '../../ir/loop/cost.ts';

export interface Target {
  readonly name: string;
  readonly doc: string;
  readonly backend: 'c' | 'wasm';
  /** Vector registers that kernels may use: 128-bit SIMD, the same with relaxed dot products, or Helium's. */
  readonly vector: 'none' | 'v128' | 'v128-relaxed' | 'mve';
  /** Has the dual 16-bit multiplies of Armv7E-M (`dsp.*` instructions are cheap). */
  readonly dsp: boolean;
  /** Multiplies 32 by 32 bits to 64 in one instruction. */
  readonly longMultiply: boolean;
  /** Loads and stores words at any address in one instruction. */
  readonly unaligned: boolean;
  /** Alignment of the arena in bytes. */
  readonly arenaAlign: number;
  /** Cycles per operation class, for the predicted cost. */
  readonly cost: CostTable;
}

/** Cycles of one operation of each class, from the cores' public timing tables; a guess that ranks, not a promise. */
export type CostTable = Readonly<Record<OpClass, number>>;

/** A small in-order core with a single-precision FPU, flash without wait states, and vectors done lane by lane. */
const SMALL_CORE: CostTable = {
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
  alu: 0.5,
  mul: 1,
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
  branch: 3,
  call: 8,
};
const SOFT_FLOAT = { f32: 40, f32div: 120 } as const;
/** A superscalar core with 128-bit vectors. */
const WIDE_CORE: CostTable = {
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

type Facts = Partial<Pick<Target, 'vector' | 'dsp' | 'longMultiply' | 'unaligned'>>;

function cTarget(name: string, doc: string, cost: CostTable, facts: Facts = {}): Target {
  const plain = { vector: 'none', dsp: false, longMultiply: true, unaligned: true } as const;
  return { name, doc, backend: 'c', ...plain, ...facts, arenaAlign: 16, cost };
}

function wasmTarget(name: string, doc: string, vector: Target['vector']): Target {
  const facts = { vector, dsp: false, longMultiply: true, unaligned: true } as const;
  return { name, doc, backend: 'wasm', ...facts, arenaAlign: 16, cost: WIDE_CORE };
}

export const TARGETS = {
  c: cTarget('c', 'portable C99 for any compiler', WIDE_CORE),
  'cortex-m0plus': cTarget(
    'cortex-m0plus',
    'Armv6-M: no long multiply, no unaligned access',
    { ...SMALL_CORE, ...SOFT_FLOAT, fixed: 40, i64mul: 40, div: 40 },
    { longMultiply: false, unaligned: false },
  ),
  'cortex-m3': cTarget('cortex-m3', 'Armv7-M', { ...SMALL_CORE, ...SOFT_FLOAT, fixed: 8, i64mul: 6 }),
  'cortex-m4': cTarget('cortex-m4', 'Armv7E-M with DSP instructions and single-precision FPU', SMALL_CORE, {
    dsp: true,
  }),
  'cortex-m7': cTarget(
    'cortex-m7',
    'Armv7E-M, dual issue',
    { ...SMALL_CORE, load1: 1, load2: 1, load4: 1, store1: 1, store2: 1, store4: 1, branch: 1 },
    { dsp: true },
  ),
  'cortex-m33': cTarget(
    'cortex-m33',
    'Armv8-M mainline with DSP instructions',
    { ...SMALL_CORE, load1: 1, load2: 1, load4: 1 },
    { dsp: true },
  ),
  'cortex-m55': cTarget(
    'cortex-m55',
    'Armv8.1-M with Helium',
    { ...SMALL_CORE, load1: 1, load2: 1, load4: 1, vector: 2, vectorMac: 2 },
    { dsp: true, vector: 'mve' },
  ),
  rv32imc: cTarget(
    'rv32imc',
    'RISC-V, 32 bits, compressed',
    { ...SMALL_CORE, ...SOFT_FLOAT, fixed: 6 },
    { unaligned: false },
  ),
  aarch64: cTarget('aarch64', '64-bit Arm: phones and boards with an operating system', WIDE_CORE),
  'x86-64': cTarget('x86-64', '64-bit x86', WIDE_CORE),
  wasm: wasmTarget('wasm', 'WebAssembly with 128-bit SIMD, for pages and Node', 'v128'),
  'wasm-relaxed': wasmTarget(
    'wasm-relaxed',
    'WebAssembly with relaxed SIMD, where its dot product is fast',
    'v128-relaxed',
  ),
  'wasm-scalar': wasmTarget('wasm-scalar', 'WebAssembly without SIMD', 'none'),
} as const satisfies Record<string, Target>;

export type TargetName = keyof typeof TARGETS;

export function findTarget(name: string): Target | undefined {
  return Object.hasOwn(TARGETS, name) ? TARGETS[name as TargetName] : undefined;
}
