/**
 * Tensor IR → loop IR: chooses a kernel for every node, builds it, plans the memory, and binds every parameter of every
 * kernel to its place. The result is the program that backends print, with the plan that led to it.
 */
import type { Elem, Func, Program } from '../../ir/loop/types.ts';
import { ELEM_BYTES } from '../../ir/loop/types.ts';
import { bytesOf } from '../../ir/tensor/bytes.ts';
import { type Graph, inputTypes, type Node, outputTypes, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { DENSE, DTYPE_FACTS, encodingText, type TensorType, typeText } from '../../ir/tensor/types.ts';
import { type MemoryPlan, planMemory } from '../plan/memory.ts';
import type { MemoryBuffer, MemoryProblem, MemoryRegion, MemoryStep } from '../plan/problem.ts';
import type { Target } from '../targets/index.ts';
import { bytesMoved } from './accesses.ts';
import { buildCopy, buildFill } from './copy.ts';
import { type BuiltKernel, elemOf, type Kernel, KernelBuilder, type Optimize, type Site } from './kernel.ts';
import { kernelsOf } from './kernels/index.ts';
import { Linker } from './link.ts';
import { assignStorage, type Storage, type StorageMap, sameStorage, VIEWS, type Views } from './storage.ts';

/** What was decided for one kernel call. */
export interface StepPlan {
  /** The node's op, or `copy`. */
  readonly op: string;
  /** The value it makes, as the model names it. */
  readonly value: ValueName;
  readonly kernel: string;
  /** Kernels that were tried before, with the reason why they do not apply. */
  readonly refused: readonly { readonly kernel: string; readonly reason: string }[];
  /** Names of the memory it touches, as the memory plan knows them. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Which inputs may share memory with which outputs, by operand. */
  readonly inPlace: BuiltKernel['inPlace'];
  readonly overlap: BuiltKernel['overlap'];
  /** Working memory that it needs in the arena. */
  readonly scratchBytes: number;
}

/** Everything decided on the way from graph to program; `mcc inspect` prints it. */
export interface Plan {
  /** In the order of `memory`'s problem; the program's calls follow `memory.order`. */
  readonly steps: readonly StepPlan[];
  readonly memory: MemoryPlan;
}

export interface Lowered {
  readonly program: Program;
  readonly plan: Plan;
}

interface Step {
  readonly plan: StepPlan;
  readonly built: BuiltKernel;
  /** Storage of the kernel's inputs and outputs by operand index. */
  readonly inputs: readonly Storage[];
  readonly outputs: readonly Storage[];
}

export interface LowerOptions {
  readonly optimize?: Optimize;
  /** The memories that the arena is divided among; one without an end unless given. */
  readonly regions?: readonly MemoryRegion[];
}

export class LowerError extends Error {
  override name = 'LowerError';
}

/**
 * Throws LowerError when a node has no kernel for the target, or a value's type no place in memory, and DivisionError when
 * the buffers do not fit into the regions.
 */
export function lower(graph: Graph, target: Target, { optimize = 'speed', regions }: LowerOptions = {}): Lowered {
  const machine: Machine = { target, optimize };
  refusePacked(graph);
  const kernels = new Kernels(graph, machine);
  const division = regions === undefined ? undefined : { regions, align: target.arenaAlign };
  const [first, ...others] = VIEWS;
  let best = planned(graph, kernels, first, division);
  if (best.storage.hasViews) {
    for (const views of others) {
      const other = planned(graph, kernels, views, division);
      if (other.memory.bytes < best.memory.bytes) best = other;
    }
  }
  const { steps, memory } = best;
  return { program: link(graph, target, steps, memory), plan: { steps: steps.map((step) => step.plan), memory } };
}

interface Planned {
  readonly storage: StorageMap;
  readonly steps: readonly Step[];
  readonly memory: MemoryPlan;
}

function planned(graph: Graph, kernels: Kernels, views: Views, division: MemoryProblem['division']): Planned {
  const mayReplace = (node: Node, from: number, to: number): boolean => {
    const { kernel, site } = kernels.choose(node);
    return (kernel.inPlace?.(site) ?? []).some(([input, output]) => input === from && output === to);
  };
  const storage = assignStorage(graph, mayReplace, views);
  const steps = [
    ...graph.nodes.filter((node) => !storage.renames.has(node)).map((node) => nodeStep(graph, node, kernels, storage)),
    ...storage.copies.map(({ from, to }) => copyStep(graph, from, to, storage)),
  ];
  const memory = planMemory({
    steps: steps.map((step) => memoryStep(step)),
    buffers: arenaBuffers(graph, storage, bytesMovedOf(steps)),
    persistent: new Map(graph.states.map((state) => [state.name, bufferOf(typeOfValue(graph, state.name))])),
    successors: storage.successors,
    ...(division === undefined ? {} : { division }),
  });
  return { storage, steps, memory };
}

function refusePacked(graph: Graph): void {
  const computed = [...graph.inputs, ...graph.states.map(({ name }) => name), ...graph.nodes.flatMap((n) => n.outputs)];
  for (const value of [...computed, ...graph.outputs]) {
    const type = typeOfValue(graph, value);
    if (DTYPE_FACTS[type.dtype].bits >= 8) continue;
    throw new LowerError(
      `%${value}: ${typeText(type)} has elements of less than a byte, expected 8 bits or more; only constants are packed`,
    );
  }
}

/** The cast joins an op name with its own attributes, which the union over all ops loses. */
function siteOf(graph: Graph, node: Node, machine: Machine): Site {
  const site = {
    op: node.op,
    attrs: node.attrs,
    inputs: inputTypes(graph, node),
    outputs: outputTypes(graph, node),
    constant: (input: number) => graph.constants.get(node.inputs[input] ?? ''),
    ...machine,
  };
  return site as unknown as Site;
}

/** What code is made for. */
type Machine = Pick<Site, 'target' | 'optimize'>;

interface Choice {
  readonly site: Site;
  readonly kernel: Kernel;
  readonly refused: StepPlan['refused'];
}

/** The kernels of a graph's nodes, each chosen and built once. */
class Kernels {
  private readonly graph: Graph;
  private readonly machine: Machine;
  private readonly chosen = new Map<Node, Choice>();
  private readonly built = new Map<Node, BuiltKernel>();

  constructor(graph: Graph, machine: Machine) {
    this.graph = graph;
    this.machine = machine;
  }

  choose(node: Node): Choice {
    const known = this.chosen.get(node) ?? chooseKernel(this.graph, node, this.machine);
    this.chosen.set(node, known);
    return known;
  }

  build(node: Node): BuiltKernel {
    const { kernel, site } = this.choose(node);
    const known = this.built.get(node) ?? buildKernel(kernel, site, node, this.graph);
    this.built.set(node, known);
    return known;
  }
}

/** The first of the op's kernels that can do the node. */
function chooseKernel(graph: Graph, node: Node, machine: Machine): Choice {
  const site = siteOf(graph, node, machine);
  const refused: { kernel: string; reason: string }[] = [];
  for (const kernel of kernelsOf(node.op) as readonly Kernel[]) {
    const verdict = kernel.applies(site);
    if (verdict === true) return { site, kernel, refused };
    refused.push({ kernel: kernel.name, reason: verdict });
  }
  const reasons = refused.map(({ kernel, reason }) => `\n  ${kernel}: ${reason}`).join('');
  throw new LowerError(`${node.op} (%${node.outputs[0]}) has no kernel for target ${machine.target.name}${reasons}`);
}

function nodeStep(graph: Graph, node: Node, kernels: Kernels, storage: StorageMap): Step {
  for (const value of node.inputs) refuseEncoding(graph, value);
  const { kernel, refused } = kernels.choose(node);
  const inputs = node.inputs.map((name) => storage.of.get(name) as Storage);
  const outputs = node.outputs.map((name) => storage.of.get(name) as Storage);
  const built = kernels.build(node);
  const { inPlace, overlap } = built;
  return {
    plan: {
      op: node.op,
      value: node.outputs[0] as ValueName,
      kernel: kernel.name,
      refused,
      ...accesses(inputs, outputs),
      inPlace,
      overlap,
      scratchBytes: scratchOf(built).reduce((sum, { bytes }) => sum + bytes, 0),
    },
    built,
    inputs,
    outputs,
  };
}

function refuseEncoding(graph: Graph, value: ValueName): void {
  const encoding = graph.constants.get(value)?.encoding ?? DENSE;
  if (encoding.kind !== 'dense') {
    throw new LowerError(
      `%${value}: no kernel reads constants encoded as ${encodingText(encoding)}; build the model with dense constants`,
    );
  }
}

function buildKernel(kernel: Kernel, site: Site, node: Node, graph: Graph): BuiltKernel {
  const types = [...site.inputs.map(typeText), '->', ...site.outputs.map(typeText)].map(shortType).join(' ');
  const builder = new KernelBuilder(kernel.name, [`${node.op}: ${types}`, kernel.doc], site);
  try {
    kernel.build(builder);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LowerError(`${node.op} (%${node.outputs[0]} of ${graph.name}): kernel ${kernel.name}: ${reason}`, {
      cause: error,
    });
  }
  return builder.build(kernel.inPlace?.(site) ?? [], kernel.overlap?.(site) ?? []);
}

/** Types in a kernel's comment stand without their scales, so that equal kernels stay equal. */
function shortType(text: string): string {
  return text.split(' ')[0] as string;
}

function copyStep(graph: Graph, from: ValueName, to: Storage, storage: StorageMap): Step {
  const parked = graph.types.has(from) ? undefined : from.replace(/ next$/, '');
  const type = typeOfValue(graph, parked ?? from);
  const source: Storage = storage.of.get(from) ?? { kind: 'arena', name: from, offset: 0 };
  const constant = graph.constants.get(from);
  const name = to.kind === 'output' ? (graph.outputs[to.index] as ValueName) : 'name' in to ? to.name : from;
  return {
    plan: {
      op: 'copy',
      value: name,
      kernel: 'copy',
      refused: [],
      ...accesses([source], [to]),
      inPlace: [],
      overlap: [],
      scratchBytes: 0,
    },
    built: buildCopy(type, constant?.data),
    inputs: [source],
    outputs: [to],
  };
}

/** The planner's name of a storage. The order of steps also follows the caller's buffers, under names that are no value's. */
function orderName(storage: Storage): string {
  if (storage.kind === 'arena' || storage.kind === 'state') return storage.name;
  return storage.kind === 'rom' ? 'rom' : `${storage.kind} ${storage.index}`;
}

function accesses(inputs: readonly Storage[], outputs: readonly Storage[]): Pick<StepPlan, 'reads' | 'writes'> {
  return { reads: inputs.filter((s) => s.kind !== 'rom').map(orderName), writes: outputs.map(orderName) };
}

function memoryStep(step: Step): MemoryStep {
  const { plan, built, inputs, outputs } = step;
  const nameOf = (storages: readonly Storage[], index: number) => orderName(storages[index] as Storage);
  return {
    name: plan.value,
    reads: plan.reads,
    writes: plan.writes,
    scratch: scratchOf(built),
    inPlace: built.inPlace
      .filter(([i, o]) => operandsLike(step, i).every((operand) => isReplaced(step, operand, o)))
      .map(([i, o]) => [nameOf(inputs, i), nameOf(outputs, o)] as const),
    overlaps: built.overlap.flatMap(({ input, output }) => {
      const distances = operandsLike(step, input).map((operand) => distanceOf(step, operand, output));
      const distance = Math.max(...distances);
      if (distance === Number.POSITIVE_INFINITY) return [];
      return [{ read: nameOf(inputs, input), write: nameOf(outputs, output), distance }];
    }),
  };
}

function scratchOf({ bindings, func }: BuiltKernel): MemoryBuffer[] {
  const moved = bytesMoved(func);
  return bindings.flatMap((binding, i) => {
    if (binding.kind !== 'scratch') return [];
    return [{ bytes: binding.bytes, align: binding.align, moved: moved.get(func.params[i]?.name ?? '') ?? 0 }];
  });
}

/** Bytes that all steps together move to and from the memory of each value, by its name. */
function bytesMovedOf(steps: readonly Step[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { built, inputs, outputs } of steps) {
    const moved = bytesMoved(built.func);
    built.bindings.forEach((binding, i) => {
      if (binding.kind !== 'input' && binding.kind !== 'output') return;
      const storage = (binding.kind === 'input' ? inputs : outputs)[binding.index] as Storage;
      const name = orderName(storage);
      sums.set(name, (sums.get(name) ?? 0) + (moved.get(built.func.params[i]?.name ?? '') ?? 0));
    });
  }
  return sums;
}

/** The operands that lie in the same memory as one of them. */
function operandsLike({ inputs }: Step, operand: number): number[] {
  return inputs.flatMap((input, i) => (i === operand || sameStorage(input, inputs[operand] as Storage) ? [i] : []));
}

/** Whether an output may lie where an input lies, when the memories of both begin at the same address. */
function isReplaced({ built, inputs, outputs }: Step, input: number, output: number): boolean {
  const isDeclared = built.inPlace.some(([from, to]) => from === input && to === output);
  return isDeclared && startOf(inputs[input] as Storage) === startOf(outputs[output] as Storage);
}

/** How far above the memory of an output that of an input must begin; infinite where they must not overlap. */
function distanceOf({ built, inputs, outputs }: Step, input: number, output: number): number {
  const found = built.overlap.find((overlap) => overlap.input === input && overlap.output === output);
  if (found === undefined) return Number.POSITIVE_INFINITY;
  return found.distance + startOf(outputs[output] as Storage) - startOf(inputs[input] as Storage);
}

/** Bytes from the start of its memory to a value. */
function startOf(storage: Storage): number {
  return 'offset' in storage ? storage.offset : 0;
}

function bufferOf(type: TensorType): MemoryBuffer {
  const size = ELEM_BYTES[elemOf(type)];
  return { bytes: size * type.shape.reduce((n, extent) => n * extent, 1), align: Math.max(size, 4) };
}

function arenaBuffers(
  graph: Graph,
  storage: StorageMap,
  moved: ReadonlyMap<string, number>,
): Map<string, MemoryBuffer> {
  const buffers = new Map<string, MemoryBuffer>();
  const add = (name: string, type: TensorType) => {
    buffers.set(name, { ...bufferOf(type), moved: moved.get(name) ?? 0 });
  };
  for (const place of storage.of.values()) {
    if (place.kind !== 'arena' || storage.successors.has(place.name)) continue;
    add(place.name, typeOfValue(graph, place.name));
  }
  for (const { to } of storage.copies) {
    if (to.kind !== 'arena') continue;
    add(to.name, typeOfValue(graph, to.name.replace(/ next$/, '')));
  }
  return buffers;
}

function link(graph: Graph, target: Target, steps: readonly Step[], memory: MemoryPlan): Program {
  const linker = new Linker(memory);
  const run = memory.order.map((index) => {
    const { built, inputs, outputs, plan } = steps[index] as Step;
    return linker.call(
      built,
      inputs,
      outputs,
      memory.scratch.get(index) ?? [],
      `${plan.op}: ${plan.value.split(';')[0]}`,
    );
  });
  const reset = graph.states.map((state) => {
    const type = typeOfValue(graph, state.name);
    const zero = bytesOf(type, state.initial).every((byte) => byte === 0);
    const built = zero ? buildFill(type) : buildCopy(type, state.initial);
    return linker.call(built, [{ kind: 'rom' }], [{ kind: 'state', name: state.name }], [], `reset: ${state.name}`);
  });
  const port = (name: ValueName) => {
    const type = typeOfValue(graph, name);
    const elem: Elem = elemOf(type);
    return { name, elem, length: type.shape.reduce((n, e) => n * e, 1), shape: type.shape, type: typeText(type) };
  };
  return {
    name: graph.name,
    functions: linker.functions satisfies readonly Func[],
    roms: linker.roms,
    inputs: graph.inputs.map(port),
    outputs: graph.outputs.map(port),
    arenaBytes: memory.bytes,
    arenaAlign: target.arenaAlign,
    stateBytes: memory.persistentBytes,
    ...(memory.regions.length === 0 ? {} : { regions: memory.regions }),
    run,
    reset,
  };
}
