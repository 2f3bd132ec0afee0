/** What mcc can emit code for. A target is a record; lowering asks it for facts, never for its name. */

export interface Target {
  readonly name: string;
  readonly doc: string;
  readonly backend: 'c' | 'wasm';
  /** Largest vector register that kernels may use. */
  readonly vector: 'none' | 'v128';
  /** Has the dual 16-bit multiplies of Armv7E-M (`dsp.*` instructions are cheap). */
  readonly dsp: boolean;
  /** Alignment of the arena in bytes. */
  readonly arenaAlign: number;
  /** Cycles per operation class, for the predicted cost. */
  readonly cost: CostTable;
}

/** Cycles of one operation of each class, from the cores' public timing tables; a guess that ranks, not a promise. */
export interface CostTable {
  readonly load: number;
  readonly store: number;
  readonly alu: number;
  readonly multiply: number;
  readonly multiplyLong: number;
  readonly divide: number;
  readonly float: number;
  readonly vector: number;
  readonly branch: number;
}

const SIMPLE_CORE: CostTable = {
  load: 2,
  store: 2,
  alu: 1,
  multiply: 1,
  multiplyLong: 1,
  divide: 7,
  float: 1,
  vector: 8,
  branch: 3,
};
const SOFT_FLOAT = { float: 40 } as const;
const WIDE_CORE: CostTable = {
  load: 0.5,
  store: 1,
  alu: 0.25,
  multiply: 0.5,
  multiplyLong: 1,
  divide: 10,
  float: 0.5,
  vector: 0.5,
  branch: 0.5,
};

function cTarget(name: string, doc: string, cost: CostTable, dsp = false): Target {
  return { name, doc, backend: 'c', vector: 'none', dsp, arenaAlign: 16, cost };
}

export const TARGETS = {
  c: cTarget('c', 'portable C99 for any compiler', WIDE_CORE),
  'cortex-m0plus': cTarget('cortex-m0plus', 'Armv6-M: no long multiply, no unaligned access', {
    ...SIMPLE_CORE,
    ...SOFT_FLOAT,
    multiplyLong: 20,
    divide: 40,
  }),
  'cortex-m3': cTarget('cortex-m3', 'Armv7-M', { ...SIMPLE_CORE, ...SOFT_FLOAT, multiplyLong: 4 }),
  'cortex-m4': cTarget('cortex-m4', 'Armv7E-M with DSP instructions and single-precision FPU', SIMPLE_CORE, true),
  'cortex-m7': cTarget('cortex-m7', 'Armv7E-M, dual issue', { ...SIMPLE_CORE, load: 1, store: 1, branch: 1 }, true),
  'cortex-m33': cTarget('cortex-m33', 'Armv8-M mainline with DSP instructions', { ...SIMPLE_CORE, load: 1 }, true),
  'cortex-m55': cTarget('cortex-m55', 'Armv8.1-M with Helium', { ...SIMPLE_CORE, load: 1, vector: 2 }, true),
  rv32imc: cTarget('rv32imc', 'RISC-V, 32 bits, compressed', { ...SIMPLE_CORE, ...SOFT_FLOAT, multiplyLong: 2 }),
  aarch64: cTarget('aarch64', '64-bit Arm: phones and boards with an operating system', WIDE_CORE),
  'x86-64': cTarget('x86-64', '64-bit x86', WIDE_CORE),
  wasm: {
    name: 'wasm',
    doc: 'WebAssembly with 128-bit SIMD, for pages and Node',
    backend: 'wasm',
    vector: 'v128',
    dsp: false,
    arenaAlign: 16,
    cost: WIDE_CORE,
  },
  'wasm-scalar': {
    name: 'wasm-scalar',
    doc: 'WebAssembly without SIMD',
    backend: 'wasm',
    vector: 'none',
    dsp: false,
    arenaAlign: 16,
    cost: WIDE_CORE,
  },
} as const satisfies Record<string, Target>;

export type TargetName = keyof typeof TARGETS;

export function findTarget(name: string): Target | undefined {
  return Object.hasOwn(TARGETS, name) ? TARGETS[name as TargetName] : undefined;
}
