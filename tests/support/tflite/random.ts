/** Seeded random tensors: the same name and shape give the same bytes on every machine. */
import { elementCount } from './data.ts';
import type { TensorTypeName } from './schema.ts';

/** Values at which activation functions and roundings turn; sprinkled among random floats. */
const SPECIAL_FLOATS = [0, -0, 1, -1, 3, -3, 6, -6, 0.5, -0.5, 20, -20, 1.5, 2.5, 1e-3];

/** The generator of Numerical Recipes, x ← 1664525·x + 1013904223 mod 2³²; the top bits are the good ones. */
export class Random {
  #state: number;

  constructor(seed: string) {
    this.#state = 2166136261;
    for (const letter of seed) this.#state = Math.imul(this.#state ^ letter.charCodeAt(0), 16777619) >>> 0;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return this.#state / 2 ** 32;
  }

  /** Uniform integer in [low, high]. */
  int(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  float(low: number, high: number): number {
    return low + this.unit() * (high - low);
  }

  ints(count: number, low: number, high: number): number[] {
    return Array.from({ length: count }, () => this.int(low, high));
  }

  floats(count: number, low: number, high: number): number[] {
    return Array.from({ length: count }, () => Math.fround(this.float(low, high)));
  }
}

const INTEGER_RANGES: Readonly<Partial<Record<TensorTypeName, readonly [number, number]>>> = {
  i8: [-128, 127],
  u8: [0, 255],
  i16: [-32768, 32767],
  u16: [0, 65535],
  i4: [-8, 7],
  bool: [0, 1],
  // Not the whole range: overflow of these is undefined in the reference kernels.
  i32: [-1000, 1000],
  i64: [-1000, 1000],
  u32: [0, 1000],
};

/** Elements for an input tensor: narrow integers fill their type's range, floats mix [-4, 4] with special values. */
export function randomElements(
  random: Random,
  tensor: { readonly type: TensorTypeName; readonly shape: readonly number[] },
  range?: { readonly min: number; readonly max: number },
): number[] {
  const count = elementCount(tensor.shape);
  const integers = INTEGER_RANGES[tensor.type];
  if (integers !== undefined) return random.ints(count, range?.min ?? integers[0], range?.max ?? integers[1]);
  if (range !== undefined) return random.floats(count, range.min, range.max);
  return Array.from({ length: count }, () => {
    const value = Math.fround(random.float(-4, 4));
    return random.int(0, 10) === 0 ? SPECIAL_FLOATS[random.int(0, SPECIAL_FLOATS.length - 1)] : value;
  });
}
