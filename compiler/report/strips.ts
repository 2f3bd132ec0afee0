/** Depth-first execution as text: which layers run in strips, and what it costs. */
import type { Fitted } from '../lower/fit.ts';
import { grouped, shortName } from './text.ts';

/** No line where all layers run one by one. */
export function stripsText({ strips, extraMacs }: Fitted): string[] {
  const lines = strips.map(({ from, to, nodes, strips: count, rows }) => {
    const ends = `${shortName(from, 40)} to ${shortName(to, 40)}`;
    return `strips     ${nodes} layers from ${ends} run ${count} times, for ${rows} rows each`;
  });
  return lines.length === 0 ? [] : [...lines, `           ${grouped(extraMacs)} of the MACs are made more than once`];
}
