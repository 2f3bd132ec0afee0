/** Lowering within limits of memory: depth-first execution where the layers one by one need too much, or a refusal. */
import type { Graph, ValueName } from '../../ir/tensor/graph.ts';
import type { MemoryRegion } from '../plan/problem.ts';
import { DivisionError } from '../plan/regions.ts';
import type { Target } from '../targets/index.ts';
import { chooseSegments, type DepthFirst } from './depth-first/choose.ts';
import { inStrips, type Segment, stripsOf } from './depth-first/strips.ts';
import { LowerError, type Lowered, type LowerOptions, lower, type StepPlan } from './index.ts';

/** Limits in bytes; what is not given is not limited. */
export interface MemoryLimits {
  /** Of the arena: activations, state and the kernels' scratch memory. */
  readonly ram?: number;
  /** Of constants: weights and tables. Code comes on top. */
  readonly flash?: number;
}

/** A run of nodes that is executed in strips. */
export interface StripPlan {
  readonly from: ValueName;
  readonly to: ValueName;
  readonly nodes: number;
  readonly strips: number;
  /** Rows of the result per strip; the last strip may have fewer. */
  readonly rows: number;
}

export interface Fitted extends Lowered {
  /** What was lowered: the graph itself, or the one with its runs cut into strips. */
  readonly graph: Graph;
  readonly strips: readonly StripPlan[];
  /** Multiply-accumulates that strips do more than once. */
  readonly extraMacs: number;
}

/** The model does not fit into the limits; the message says what needs how much, and where. */
export class LimitError extends LowerError {
  override name = 'LimitError';
}

/**
 * Shares of the limit that runs are chosen for, one after the other: offsets, distances and scratch memory take what the
 * choice does not see.
 */
const SHARES = [1, 0.97, 0.94, 0.91, 0.87, 0.82, 0.76, 0.7, 0.6, 0.5] as const;

/** Throws LimitError where no plan keeps the limits, and LowerError as `lower`. */
export function lowerWithin(graph: Graph, target: Target, options: LowerOptions & MemoryLimits): Fitted {
  const { optimize = 'speed', regions, flash = Number.POSITIVE_INFINITY } = options;
  const ram = Math.min(options.ram ?? Number.POSITIVE_INFINITY, ...(regions === undefined ? [] : [sumOf(regions)]));
  // In one memory of any size.
  const whole: Fitted = { ...lower(graph, target, { optimize }), graph, strips: [], extraMacs: 0 };
  if (constantBytes(whole) > flash) throw new LimitError(flashMessage(whole, flash));
  const cutWith = (choice: DepthFirst): Fitted => {
    const cut = inStrips(graph, choice.segments);
    const strips = choice.segments.map((segment) => stripPlan(graph, segment));
    return { ...lower(cut, target, { optimize }), graph: cut, strips, extraMacs: choice.extraMacs };
  };
  /** The same in the regions, or undefined where it does not fit. */
  const within = (fitted: Fitted): Fitted | undefined => {
    if (fitted.program.arenaBytes > ram || constantBytes(fitted) > flash) return undefined;
    return regions === undefined ? fitted : divided(fitted, target, { optimize, regions });
  };
  const tried = [whole];
  const fits = within(whole);
  if (fits !== undefined) return fits;
  const least = leastByNode(whole);
  const known = new Set<string>();
  for (const share of SHARES) {
    const choice = chooseSegments(graph, least, ram * share);
    if (choice === undefined) break;
    if (choice.segments.length === 0 || known.has(JSON.stringify(choice.segments))) continue;
    known.add(JSON.stringify(choice.segments));
    const cut = cutWith(choice);
    const cutFits = within(cut);
    if (cutFits !== undefined) return cutFits;
    tried.push(cut);
  }
  // Nothing fits: the message says what would.
  for (let budget = ram; tried.length === 1 && budget < whole.program.arenaBytes; budget *= 1.05) {
    const choice = chooseSegments(graph, least, budget);
    if (choice !== undefined && choice.segments.length > 0) tried.push(cutWith(choice));
  }
  const best = tried.reduce((a, b) => (b.program.arenaBytes < a.program.arenaBytes ? b : a));
  throw new LimitError(ramMessage(best, whole, ram, regions));
}

function sumOf(regions: readonly MemoryRegion[]): number {
  return regions.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Undefined where the buffers do not fit into the regions. */
function divided(fitted: Fitted, target: Target, options: LowerOptions): Fitted | undefined {
  try {
    return { ...fitted, ...lower(fitted.graph, target, options) };
  } catch (error) {
    if (error instanceof DivisionError) return undefined;
    throw error;
  }
}

function stripPlan(graph: Graph, segment: Segment): StripPlan {
  const nameAt = (position: number) => graph.nodes[position]?.outputs[0] as ValueName;
  return {
    from: nameAt(segment.first),
    to: nameAt(segment.last),
    nodes: segment.last - segment.first + 1,
    strips: stripsOf(graph, segment).length,
    rows: segment.rows,
  };
}

/** The bytes that each node's step needs; 0 for nodes without one. */
function leastByNode({ graph, plan }: Fitted): number[] {
  const bytes = new Map(
    plan.memory.order.map((index, at) => [plan.steps[index]?.value, plan.memory.least[at] as number]),
  );
  return graph.nodes.map(({ outputs }) => Math.max(...outputs.map((value) => bytes.get(value) ?? 0)));
}

function constantBytes({ program }: Lowered): number {
  return program.roms.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The first of the names that converters join with ';' for what they fused. */
function firstName(value: ValueName): string {
  return value.split(';')[0] as string;
}

function ramMessage(best: Fitted, whole: Fitted, limit: number, regions: readonly MemoryRegion[] = []): string {
  const { memory, steps } = best.plan;
  const position = memory.live.indexOf(Math.max(...memory.live));
  const index = memory.order[position] as number;
  const step = steps[index] as StepPlan;
  const bytesOf = (kind: string, values: readonly string[]) =>
    values.flatMap((value) => {
      const bytes = memory.sizes.get(value);
      return bytes === undefined ? [] : [`    ${kind} ${grouped(bytes)} bytes: ${firstName(value)}`];
    });
  const depthFirst =
    best === whole
      ? '  No run of its layers can be executed in strips of rows that would need less.'
      : `  That is in strips of rows; layer by layer it needs ${grouped(whole.program.arenaBytes)} bytes. Less was not found.`;
  const isDivided = best.program.arenaBytes <= limit;
  const need = `${whole.graph.name}: the arena needs ${grouped(best.program.arenaBytes)} bytes of RAM`;
  return [
    isDivided ? `${need}, and cannot be divided among the regions` : `${need}, expected at most ${grouped(limit)}`,
    `  Most are in use during call ${position}, ${step.kernel} (${firstName(step.value)}): ${grouped(memory.live[position] as number)} bytes.`,
    ...bytesOf('reads ', step.reads),
    ...bytesOf('writes', step.writes),
    ...scratchLines(best, index),
    depthFirst,
    ...(regions.length < 2
      ? []
      : [`  The regions are ${regions.map((r) => `${r.name} (${grouped(r.bytes)} bytes)`).join(', ')}.`]),
    '  Allow more RAM, or make the model with a smaller input or fewer channels in this layer.',
  ].join('\n');
}

function scratchLines({ plan }: Lowered, index: number): string[] {
  const bytes = plan.steps[index]?.scratchBytes ?? 0;
  return bytes === 0 ? [] : [`    works with ${grouped(bytes)} bytes of scratch memory`];
}

function flashMessage({ graph, program }: Fitted, limit: number): string {
  const sizes = new Map(program.roms.map(({ name, bytes }) => [name, bytes.length]));
  const calls = program.run.map(({ doc, args }) => {
    const bytes = args.reduce((sum, arg) => sum + (arg.kind === 'rom' ? (sizes.get(arg.name) ?? 0) : 0), 0);
    return { doc, bytes };
  });
  const largest = calls.toSorted((a, b) => b.bytes - a.bytes).slice(0, 3);
  return [
    `${graph.name}: weights and tables need ${grouped([...sizes.values()].reduce((a, b) => a + b, 0))} bytes of flash, expected at most ${grouped(limit)}; code is not counted`,
    '  The layers with the most:',
    ...largest.map(({ doc, bytes }) => `    ${grouped(bytes)} bytes: ${doc}`),
    '  Allow more flash, or make the model smaller.',
  ].join('\n');
}
