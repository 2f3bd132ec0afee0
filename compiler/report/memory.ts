/** What a plan does about memory, as text: its regions, and layers that run in strips with what it costs. */
import type { Fitted } from '../lower/fit.ts';
import { grouped, shortName } from './text.ts';

/** No line where there is one memory and all layers run one by one. */
export function memoryText({ program, strips, extraMacs }: Fitted): string[] {
  const regions = (program.regions ?? []).map(
    ({ name, bytes }) => `region     ${grouped(bytes)} bytes of it in ${name}`,
  );
  const lines = strips.map(({ from, to, nodes, strips: count, rows }) => {
    const ends = `${shortName(from, 40)} to ${shortName(to, 40)}`;
    return `strips     ${nodes} layers from ${ends} run ${count} times, for ${rows} rows each`;
  });
  const cost = lines.length === 0 ? [] : [`           ${grouped(extraMacs)} of the MACs are made more than once`];
  return [...regions, ...lines, ...cost];
}
