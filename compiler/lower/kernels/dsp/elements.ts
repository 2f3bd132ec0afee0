/** Loops over elements that lie side by side. */
import { add } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { KernelBuilder } from '../../kernel.ts';

/** Elements that are loaded together: loads behind one another take a cycle less. */
const TOGETHER = 2;
/** Of which so many groups make one round of the loop. */
const GROUPS = 2;

/** `element` loads what it needs at an index and gives what computes and stores. */
export function forElements(k: KernelBuilder, count: number, element: (index: Expr) => () => void): void {
  const group = (start: Expr, length: number) => {
    const stores = Array.from({ length }, (_, i) => element(add(start, i)));
    for (const store of stores) store();
  };
  const step = k.site.optimize === 'size' ? TOGETHER : TOGETHER * GROUPS;
  const repeated = count - (count % step);
  k.for(
    'i',
    0,
    repeated,
    (i) => {
      for (let at = 0; at < step; at += TOGETHER) group(add(i, at), TOGETHER);
    },
    { step },
  );
  k.for('i', repeated, count, (i) => group(i, 1));
}
