/** How often a condition holds, for conditions that loop variables alone decide: whether a tap lies inside an image. */
import { instruction } from './instructions.ts';
import type { Expr } from './types.ts';

export interface LoopRange {
  readonly start: number;
  readonly step: number;
  readonly trips: number;
}

/** What names stand for: values of loops, or expressions of other names. */
export interface Scope {
  readonly loops: ReadonlyMap<string, LoopRange>;
  readonly lets: ReadonlyMap<string, Expr>;
}

/** Combinations of loop values that are tried at most; more are thinned out evenly. */
const MOST_TRIED = 2 ** 12;

/** The share of iterations in which `cond` is not 0; undefined when it depends on anything but loops. */
export function shareOf(cond: Expr, scope: Scope): number | undefined {
  const names = new Set<string>();
  if (!collectLoops(cond, scope, names)) return undefined;
  const loops = [...names].map((name) => [name, scope.loops.get(name) as LoopRange] as const);
  const all = loops.reduce((product, [, { trips }]) => product * trips, 1);
  const step = Math.max(1, Math.floor(all / MOST_TRIED));
  let tried = 0;
  let held = 0;
  for (let index = 0; index < all; index += step) {
    const values = new Map<string, number>();
    let rest = index;
    for (const [name, { start, step: by, trips }] of loops) {
      values.set(name, start + (rest % trips) * by);
      rest = Math.floor(rest / trips);
    }
    tried++;
    if (evaluated(cond, scope, values) !== 0) held++;
  }
  return held / tried;
}

/** Adds the loops that the value depends on; false when it depends on more than loops. */
function collectLoops(e: Expr, scope: Scope, into: Set<string>): boolean {
  switch (e.kind) {
    case 'const':
      return e.type === 'i32';
    case 'load':
    case 'call':
      return false;
    case 'op':
      return e.args.every((arg) => collectLoops(arg, scope, into));
    case 'var': {
      const definition = scope.lets.get(e.name);
      if (definition !== undefined) return collectLoops(definition, scope, into);
      if (!scope.loops.has(e.name)) return false;
      into.add(e.name);
      return true;
    }
  }
}

function evaluated(e: Expr, scope: Scope, values: ReadonlyMap<string, number>): number {
  if (e.kind === 'const') return e.value as number;
  if (e.kind === 'var') return values.get(e.name) ?? evaluated(scope.lets.get(e.name) as Expr, scope, values);
  if (e.kind !== 'op') throw new TypeError(`a ${e.kind} is no value of loops`);
  return instruction(e.op).evaluate(...e.args.map((arg) => evaluated(arg, scope, values))) as number;
}
