/** How many bytes a kernel moves to and from each of its buffers: what tells which deserve the fastest memory. */
import { ACCESS_BYTES, type Func, type Stmt } from '../../ir/loop/types.ts';
import { bodiesOf, expressionsOf, visitExpr } from '../../ir/loop/walk.ts';

/** Bytes loaded and stored by one call, by parameter; both sides of a branch count. Helpers have no buffers. */
export function bytesMoved(fn: Func): ReadonlyMap<string, number> {
  const moved = new Map<string, number>();
  const add = (buffer: string, bytes: number) => moved.set(buffer, (moved.get(buffer) ?? 0) + bytes);
  const visit = (body: readonly Stmt[], times: number): void => {
    for (const s of body) {
      for (const e of expressionsOf(s)) {
        visitExpr(e, (inner) => {
          if (inner.kind === 'load') add(inner.buffer, times * ACCESS_BYTES[inner.access]);
        });
      }
      if (s.kind === 'store') add(s.buffer, times * ACCESS_BYTES[s.access]);
      const trips = s.kind === 'for' ? Math.max(0, Math.ceil((s.end - s.start) / s.step)) : 1;
      for (const inner of bodiesOf(s)) visit(inner, times * trips);
    }
  };
  visit(fn.body, 1);
  return moved;
}
