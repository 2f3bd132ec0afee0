/** What mcc can emit code for. A target is a record; lowering asks it for facts, never for its name. */
import { type CostTable, HELIUM_INSTRUCTIONS, SMALL_CORE, SOFT_FLOAT, smallCore, WIDE_CORE } from './costs.ts';

export interface Target {
  readonly name: string;
  readonly doc: string;
  readonly backend: 'c' | 'wasm';
  /**
   * Vector registers that kernels may use: 128-bit SIMD, the same with relaxed dot products, 64-bit Arm's with dot products
   * by element, or Helium's.
   */
  readonly vector: 'none' | 'v128' | 'v128-relaxed' | 'v128-sdot' | 'mve';
  /** Has the dual 16-bit multiplies of Armv7E-M (`dsp.*` instructions are cheap). */
  readonly dsp: boolean;
  /** Multiplies 32 by 32 bits to 64 in one instruction. */
  readonly longMultiply: boolean;
  /** Loads and stores words at any address in one instruction. */
  readonly unaligned: boolean;
  /** What is known of a small in-order core that has neither vectors nor dual multiplies. */
  readonly narrow?: NarrowCore;
  /** Alignment of the arena in bytes. */
  readonly arenaAlign: number;
  readonly cost: CostTable;
}

export interface NarrowCore {
  /** General registers that multiplications and loads may use. */
  readonly registers: number;
  /** A multiplication adds to a third register, gives a register of its own, or overwrites an operand. */
  readonly multiply: 'accumulates' | 'separate' | 'overwrites';
  /** Loads two words in one instruction. */
  readonly pairedLoads: boolean;
  /** Bytes that loads of bytes reach beyond an address in a register. */
  readonly reach: number;
}

type Facts = Partial<Pick<Target, 'vector' | 'dsp' | 'longMultiply' | 'unaligned' | 'narrow'>>;

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
    smallCore({ ...SOFT_FLOAT, mulhi: 17, fixed: 30, i64mul: 30, div: 40 }),
    {
      longMultiply: false,
      unaligned: false,
      narrow: { registers: 8, multiply: 'overwrites', pairedLoads: false, reach: 31 },
    },
  ),
  'cortex-m3': cTarget('cortex-m3', 'Armv7-M', smallCore({ ...SOFT_FLOAT, mulhi: 5, fixed: 8, i64mul: 6 }), {
    narrow: { registers: 14, multiply: 'accumulates', pairedLoads: true, reach: 4095 },
  }),
  'cortex-m4': cTarget('cortex-m4', 'Armv7E-M with DSP instructions and single-precision FPU', SMALL_CORE, {
    dsp: true,
  }),
  'cortex-m7': cTarget(
    'cortex-m7',
    'Armv7E-M, dual issue',
    smallCore({ load1: 1, load2: 1, load4: 1, store1: 1, store2: 1, store4: 1, branch: 1 }),
    { dsp: true },
  ),
  'cortex-m33': cTarget(
    'cortex-m33',
    'Armv8-M mainline with DSP instructions',
    smallCore({ load1: 1, load2: 1, load4: 1 }),
    { dsp: true },
  ),
  'cortex-m55': cTarget(
    'cortex-m55',
    'Armv8.1-M with Helium',
    smallCore({ load1: 1, load2: 1, load4: 1, load16: 2, store16: 2, vector: 2, vectorMac: 2 }, HELIUM_INSTRUCTIONS),
    { dsp: true, vector: 'mve' },
  ),
  rv32imc: cTarget('rv32imc', 'RISC-V, 32 bits, compressed', smallCore({ ...SOFT_FLOAT, fixed: 6 }), {
    unaligned: false,
    narrow: { registers: 24, multiply: 'separate', pairedLoads: false, reach: 2047 },
  }),
  aarch64: cTarget(
    'aarch64',
    '64-bit Arm with NEON: phones and boards; -march=armv8.2-a+dotprod lets the C use dot products',
    WIDE_CORE,
    { vector: 'v128-sdot' },
  ),
  'x86-64': cTarget('x86-64', '64-bit x86: SSE2, and what the compiler is told the machine has', WIDE_CORE, {
    vector: 'v128',
  }),
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

/** Has 128-bit vectors with the lanes of WebAssembly's. */
export function hasV128({ vector }: Target): boolean {
  return vector === 'v128' || vector === 'v128-relaxed' || vector === 'v128-sdot';
}

/** Cores with little flash, which gain nothing from a copy of the code for each layer's numbers. */
export function isMicrocontroller({ narrow, dsp }: Target): boolean {
  return narrow !== undefined || dsp;
}
