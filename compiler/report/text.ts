/** Reports as text for a terminal. */
import type { Lowered } from '../lower/index.ts';
import type { ModelReport } from './model-report.ts';

/** Columns padded to their widest cell; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const cells = [head, ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? grouped(cell) : cell)))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] as string).length)));
  const isNumber = head.map((_, column) => rows.some((row) => typeof row[column] === 'number'));
  return cells.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] as number;
        return isNumber[column] ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** 1234567 as 1,234,567 */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The first of the names that converters join with ';' for what they fused, its end if it is long. */
export function shortName(value: string, width: number): string {
  const name = value.split(';')[0] as string;
  return name.length <= width ? name : `…${name.slice(name.length - width + 1)}`;
}

export function reportText(report: ModelReport): string[] {
  const port = (kind: string) => (p: ModelReport['inputs'][number]) =>
    `  ${kind}  ${p.name}  ${p.type}  ${grouped(p.bytes)} bytes`;
  const steps = report.steps.map((step, i) => [
    String(i),
    step.kernel,
    shortName(step.value, 40),
    step.type.split(' ')[0] as string,
    step.macs,
    step.weightBytes,
    step.liveBytes,
    step.predictedInstructions,
    step.predictedCycles,
  ]);
  return [
    `${report.name} for ${report.target}`,
    ...report.inputs.map(port('input ')),
    ...report.outputs.map(port('output')),
    '',
    ...table(['#', 'kernel', 'makes', 'type', 'MACs', 'weights', 'RAM live', 'instructions', 'cycles'], steps),
    '',
    `MACs       ${grouped(report.macs)}`,
    `constants  ${grouped(report.constantBytes)} bytes of flash; code comes on top`,
    `arena      ${grouped(report.arenaBytes)} bytes of RAM${report.stateBytes === 0 ? '' : `, ${grouped(report.stateBytes)} of them state`}; input and output buffers are the caller's`,
    `predicted  ${grouped(report.predictedInstructions)} instructions and ${grouped(report.predictedCycles)} cycles, from the loop IR; cycles rank, they do not promise`,
  ];
}

const CHART_WIDTH = 64;

/** The arena over time: a row per call, the bytes of each buffer that is alive drawn where it lies. */
export function memoryChart({ program, plan }: Lowered): string[] {
  const { memory } = plan;
  const bytes = Math.max(program.arenaBytes, 1);
  const column = (offset: number) => Math.floor((offset * CHART_WIDTH) / bytes);
  const lives = valueLives(plan);
  const letters = new Map([...lives.keys()].map((value, i) => [value, letterOf(i)]));
  const rows = memory.order.map((_, position) => {
    const cells = new Array<string>(CHART_WIDTH).fill('.');
    for (const [value, life] of lives) {
      if (position < life.start || position > life.end) continue;
      const from = column(life.offset);
      cells.fill(letters.get(value) as string, from, Math.max(from + 1, column(life.offset + life.bytes)));
    }
    return `${String(position).padStart(4)}  ${cells.join('')}  ${grouped(memory.live[position] as number)}`;
  });
  const legend = [...lives].map(
    ([value, { offset, bytes: size }]) =>
      `  ${letters.get(value)}  ${placeText(program, offset, size).padEnd(20)}  ${shortName(value, 60)}`,
  );
  return [`arena of ${grouped(program.arenaBytes)} bytes, one row per call; '.' is free`, ...rows, ...legend];
}

/** Where the arena is divided, offsets count from the start of the region. */
function placeText({ regions = [] }: Lowered['program'], offset: number, bytes: number): string {
  const region = regions.findLast(({ from }) => from <= offset);
  const start = offset - (region?.from ?? 0);
  return `${region === undefined ? '' : `${region.name} `}${grouped(start)}..${grouped(start + bytes)}`;
}

function letterOf(index: number): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  return letters[index % letters.length] as string;
}

interface Life {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly bytes: number;
}

function valueLives({ steps, memory }: Lowered['plan']): Map<string, Life> {
  const lives = new Map<string, Life>();
  memory.order.forEach((index, position) => {
    const step = steps[index];
    for (const value of [...(step?.writes ?? []), ...(step?.reads ?? [])]) {
      const offset = memory.offsets.get(value);
      const bytes = memory.sizes.get(value);
      if (offset === undefined || bytes === undefined) continue;
      // State is there before the first step and after the last.
      const always = offset < memory.persistentBytes;
      const start = always ? 0 : (lives.get(value)?.start ?? position);
      lives.set(value, { start, end: always ? memory.order.length - 1 : position, offset, bytes });
    }
  });
  return lives;
}
