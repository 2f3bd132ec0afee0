/** Copies and fills of bytes with Helium's vectors. */
import { add, type Buffer, type FunctionBuilder, type Operand } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { BLOCK, firstBytes } from './stage.ts';

const UNROLLED = 2;

/**
 * Calls `body` with the place and size of every chunk of up to 16 bytes of `bytes`; a last one that is short begins early
 * enough to be whole where there are 16.
 */
export function forChunks(k: FunctionBuilder, bytes: number, body: (at: Expr, size: number) => void): void {
  const whole = Math.floor(bytes / BLOCK);
  const step = UNROLLED * BLOCK;
  const looped = whole >= 2 * UNROLLED ? Math.floor(whole / UNROLLED) * step : 0;
  k.for(
    'i',
    0,
    looped,
    (i) => {
      for (let u = 0; u < UNROLLED; u++) body(add(i, u * BLOCK), BLOCK);
    },
    { step },
  );
  for (let at = looped; at < bytes; at += BLOCK) {
    const left = bytes - at;
    const early = left < BLOCK && bytes >= BLOCK;
    body(add(early ? bytes - BLOCK : at, 0), early ? BLOCK : Math.min(left, BLOCK));
  }
}

/** Both runs lie apart. */
export function copyBytes(
  k: FunctionBuilder,
  bytes: number,
  from: Buffer,
  fromIndex: Operand,
  to: Buffer,
  toIndex: Operand,
): void {
  forChunks(k, bytes, (at, size) => {
    k.store(to, add(toIndex, at), from.at(add(fromIndex, at), firstBytes(size)), firstBytes(size));
  });
}

export function fillBytes(k: FunctionBuilder, bytes: number, to: Buffer, toIndex: Operand, value: Expr): void {
  forChunks(k, bytes, (at, size) => k.store(to, add(toIndex, at), value, firstBytes(size)));
}
