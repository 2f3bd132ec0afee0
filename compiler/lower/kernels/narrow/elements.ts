/**
 * How activations lie in scratch memory: as bytes, as words where two of them are loaded at once, or, on cores that load
 * bytes without their sign, as bytes that are 128 larger. What is added there is taken from the sums' first values.
 */
import { add, type Buffer, i64, type Operand, op } from '../../../../ir/loop/build.ts';
import type { Elem, Expr } from '../../../../ir/loop/types.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { NarrowCore } from '../../../targets/index.ts';
import type { KernelBuilder } from '../../kernel.ts';
import type { Layer } from './layer.ts';

export type Elements = 'words' | 'bytes' | 'raised';

export const SCRATCH_ELEM = { words: 'i32', bytes: 'i8', raised: 'u8' } as const satisfies Record<Elements, Elem>;

/** What single elements come as on a core; words only where there is room for them. */
export function bytesOn({ multiply }: NarrowCore): 'bytes' | 'raised' {
  return multiply === 'overwrites' ? 'raised' : 'bytes';
}

/** The stored form of x[index]. */
export function storedElement(elements: Elements, x: Buffer, index: Operand): Expr {
  return elements === 'raised' ? op('i32.xor', [x.at(index, 'u8'), 128]) : x.at(index);
}

export function storedZero(elements: Elements, zeroPoint: number): number {
  return elements === 'raised' ? zeroPoint + 128 : zeroPoint;
}

/** First values of the sums. */
export function startsFor(elements: Elements, { starts, weights }: Layer): number[] {
  if (elements !== 'raised') return [...starts];
  return starts.map(
    (start, c) => (start - 128 * Array.from(weights[c] as ArrayLike<number>).reduce((a, w) => a + w, 0)) | 0,
  );
}

/** Gives the elements at these places behind `start`, words by twos where two neighbours follow each other. */
export function reader<K extends OpName>(
  k: KernelBuilder<K>,
  elements: Elements,
  scratch: Buffer,
  start: Expr,
  places: readonly number[],
): () => Expr {
  let next = 0;
  let second: Expr | undefined;
  return () => {
    const place = places[next++] as number;
    if (second !== undefined) {
      const value = second;
      second = undefined;
      return value;
    }
    const at = add(start, place);
    if (elements !== 'words') return k.let('x', scratch.at(at, elements === 'raised' ? 'u8_ordered' : 'i8_ordered'));
    if (places[next] !== place + 1) return k.let('x', scratch.at(at, 'i32_ordered'));
    const both = k.let('both', scratch.at(at, 'i64_ordered'));
    second = k.let('x', op('i32.wrap_i64', [op('i64.shr_s', [both, i64(32)])]));
    return k.let('x', op('i32.wrap_i64', [both]));
  };
}
