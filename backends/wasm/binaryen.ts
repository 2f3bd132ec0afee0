/**
 * The only door to binaryen: a module under construction with the few things this backend needs of it.
 *
 * Binaryen reports trouble in ways of its own (text on stderr, thrown values that are no Errors, aborts); here every
 * failure is an Error that carries binaryen's words.
 */
import binaryen from 'binaryen';
import type { ScalarType, Type } from '../../ir/loop/types.ts';

/** An expression of the module it was made for. */
export type Ref = number;

/** Instructions of relaxed SIMD, which binaryen optimises and writes but has no constructors for. */
export interface RelaxedConstructors {
  /** c + the sums of four products each of signed bytes of a by bytes of b, which machines read in different ways. */
  dotAdd(a: Ref, b: Ref, c: Ref): Ref;
}

/** Binaryen's expression constructors. Constructors do not check the number of operands: a missing one aborts. */
export type Constructors = { readonly relaxed: RelaxedConstructors } & Pick<
  binaryen.Module,
  | 'i32'
  | 'i64'
  | 'f32'
  | 'f64'
  | 'v128'
  | 'i8x16'
  | 'i16x8'
  | 'i32x4'
  | 'i64x2'
  | 'f32x4'
  | 'if'
  | 'loop'
  | 'br_if'
  | 'select'
  | 'call'
  | 'return'
>;

export interface DataSegment {
  readonly offset: number;
  readonly data: Uint8Array;
}

/** `none` keeps what was built; `size` and `speed` differ in what is inlined, never in what is computed. */
export type Optimize = 'none' | 'size' | 'speed';

const { SIMD128, SignExt, NontrappingFPToInt, BulkMemory, MutableGlobals, RelaxedSIMD } = binaryen.Features;

/** The features every engine with SIMD has (Chrome 91, Firefox 89, Safari 16.4, Node 16.4). */
const FEATURES = SIMD128 | SignExt | NontrappingFPToInt | BulkMemory | MutableGlobals;

/**
 * How large a function may be, in expressions, to be inlined wherever it is called. Kernels are larger and stay functions
 * of their own: engines compile functions in parallel and swap in optimised code call by call.
 */
const LARGEST_INLINED: Readonly<Record<'size' | 'speed', number>> = { size: 8, speed: 45 };
const LARGEST_INLINED_ONCE = 45;

/** Addresses below this are never used, which lets the optimiser move small constants into load and store offsets. */
export const LOW_MEMORY_BYTES = 1024;

/** Makes a module, with relaxed SIMD where asked, hands it to `build` and frees it, whatever happens. */
export function withModule<T>(build: (module: WasmModule) => T, isRelaxed = false): T {
  const module = new WasmModule(isRelaxed);
  try {
    return build(module);
  } catch (error) {
    throw error instanceof Error ? error : new Error('binaryen gave up without saying why', { cause: error });
  } finally {
    module.dispose();
  }
}

export class WasmModule {
  private readonly module = new binaryen.Module();
  readonly make: Constructors = Object.assign(this.module, { relaxed: relaxedOf(this.module) });
  /** Whether the module may use instructions of relaxed SIMD. */
  readonly isRelaxed: boolean;
  private readonly features: number;

  constructor(isRelaxed: boolean) {
    this.isRelaxed = isRelaxed;
    this.features = isRelaxed ? FEATURES | RelaxedSIMD : FEATURES;
    this.module.setFeatures(this.features);
  }

  constant(type: ScalarType, value: number | bigint): Ref {
    return type === 'i64' ? this.module.i64.const(BigInt(value)) : this.module[type].const(Number(value));
  }

  getLocal(index: number, type: Type): Ref {
    return this.module.local.get(index, binaryen[type]);
  }

  setLocal(index: number, value: Ref): Ref {
    return this.module.local.set(index, value);
  }

  /** Sets the local and gives the value. */
  teeLocal(index: number, value: Ref, type: Type): Ref {
    return this.module.local.tee(index, value, binaryen[type]);
  }

  /** The expressions in order; the value is the last one's, if it has one. */
  sequence(expressions: readonly Ref[]): Ref {
    return this.module.block(null, expressions, binaryen.auto);
  }

  call(name: string, operands: readonly Ref[], result: Type | null): Ref {
    return this.module.call(name, operands, result === null ? binaryen.none : binaryen[result]);
  }

  /** Adds a function; `locals` come after its parameters. */
  addFunction(name: string, params: readonly Type[], result: Type | null, locals: readonly Type[], body: Ref): void {
    const from = binaryen.createType(params.map((type) => binaryen[type]));
    const to = result === null ? binaryen.none : binaryen[result];
    const vars = locals.map((type) => binaryen[type]);
    this.module.addFunction(name, from, to, vars, body);
  }

  exportFunction(name: string, exportedName: string): void {
    this.module.addFunctionExport(name, exportedName);
  }

  /** Runs when the module is instantiated. */
  setStart(name: string): void {
    this.module.setStart(this.module.getFunction(name));
  }

  /** One memory of exactly `pages` pages of 64 KiB, exported as `memory`. Comes before any load or store is made. */
  setMemory(pages: number, segments: readonly DataSegment[]): void {
    const active = segments.map(({ offset, data }) => ({ offset: this.module.i32.const(offset), data }));
    this.module.setMemory(pages, pages, 'memory', active);
  }

  /** @throws Error with binaryen's reason when the module is not valid WebAssembly. */
  validate(): void {
    const { value, text } = captureStderr(() => this.module.validate());
    const reason = text.trim().split('\n').slice(0, 12).join('\n');
    if (value !== 1) throw new Error(`the WebAssembly module is not valid: ${reason}`);
  }

  binary(): Uint8Array {
    binaryen.setDebugInfo(false);
    return this.module.emitBinary();
  }

  /**
   * The module after the optimiser, as bytes. It works on a copy read back from bytes: loads that are made by hand count
   * as signed there, and `i64.extend_i32_u` of such a load would be turned into a load that extends the sign.
   */
  optimizedBinary(goal: Exclude<Optimize, 'none'>): Uint8Array {
    const copy = binaryen.readBinary(this.binary());
    try {
      copy.setFeatures(this.features);
      setOptimizer(goal);
      copy.optimize();
      return copy.emitBinary();
    } finally {
      copy.dispose();
    }
  }

  text(): string {
    return this.module.emitText();
  }

  dispose(): void {
    this.module.dispose();
  }
}

/** An instruction of three operands, made as one that has a constructor and then turned into the one that is meant. */
function relaxedOf(module: binaryen.Module): RelaxedConstructors {
  const { SIMDTernary } = binaryen as unknown as {
    readonly SIMDTernary: { readonly setOp: (expression: Ref, op: binaryen.Operations) => void };
  };
  return {
    dotAdd(a, b, c) {
      const expression = module.v128.bitselect(a, b, c);
      SIMDTernary.setOp(expression, binaryen.Operations.RelaxedDotI8x16I7x16AddSToVecI32x4);
      return expression;
    },
  };
}

/** The optimiser's settings are global to binaryen, so all that matter are set each time. */
function setOptimizer(goal: Exclude<Optimize, 'none'>): void {
  binaryen.setOptimizeLevel(goal === 'size' ? 2 : 3);
  binaryen.setShrinkLevel(goal === 'size' ? 2 : 0);
  binaryen.setDebugInfo(false);
  binaryen.setFastMath(false);
  binaryen.setTrapsNeverHappen(false);
  binaryen.setLowMemoryUnused(true);
  binaryen.setZeroFilledMemory(true);
  binaryen.setAlwaysInlineMaxSize(LARGEST_INLINED[goal]);
  binaryen.setFlexibleInlineMaxSize(LARGEST_INLINED[goal]);
  binaryen.setOneCallerInlineMaxSize(LARGEST_INLINED_ONCE);
  binaryen.setAllowInliningFunctionsWithLoops(false);
  // It cuts segments at every few zeros, which takes more room in a compressed file than the zeros.
  binaryen.clearPassesToSkip();
  binaryen.addPassToSkip('memory-packing');
}

/** Binaryen prints through the console it found when it was loaded, which ends in `process.stderr.write`. */
function captureStderr<T>(run: () => T): { readonly value: T; readonly text: string } {
  const write = process.stderr.write;
  let text = '';
  process.stderr.write = (chunk: string | Uint8Array) => {
    text += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
    return true;
  };
  try {
    const value = run();
    return { value, text };
  } finally {
    process.stderr.write = write;
  }
}
