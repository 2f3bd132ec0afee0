/** Everything `mcc inspect` says about a model on a target, as data. */
import { type Counts, weighted } from '../../ir/loop/cost.ts';
import { countProgram } from '../../ir/loop/count.ts';
import { type Graph, inputTypes, type Node, outputTypes, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { opRecord } from '../../ir/tensor/ops/index.ts';
import { byteSize, typeText } from '../../ir/tensor/types.ts';
import type { Lowered, StepPlan } from '../lower/index.ts';
import type { Target } from '../targets/index.ts';
import { weightBytes } from './figures.ts';

export interface PortReport {
  readonly name: ValueName;
  readonly type: string;
  readonly bytes: number;
}

/** One kernel call, in the order of execution. */
export interface StepReport {
  readonly op: string;
  readonly value: ValueName;
  readonly type: string;
  readonly kernel: string;
  /** Kernels tried before, with the reason why they do not apply. */
  readonly refused: StepPlan['refused'];
  readonly macs: number;
  /** Bytes of the constants that the node reads. */
  readonly weightBytes: number;
  /** Arena bytes that hold something while the call runs. */
  readonly liveBytes: number;
  readonly predictedInstructions: number;
  readonly predictedCycles: number;
}

export interface ModelReport {
  readonly name: string;
  readonly target: string;
  readonly inputs: readonly PortReport[];
  readonly outputs: readonly PortReport[];
  readonly steps: readonly StepReport[];
  readonly macs: number;
  /** Constant tables in flash: weights, biases, multipliers, lookup tables. Code comes on top. */
  readonly constantBytes: number;
  readonly arenaBytes: number;
  readonly stateBytes: number;
  readonly predictedInstructions: number;
  readonly predictedCycles: number;
}

type Prediction = Pick<StepReport, 'predictedInstructions' | 'predictedCycles'>;

function predicted(counts: Counts, { cost }: Target): Prediction {
  return {
    predictedInstructions: Math.round(weighted(counts, cost.instructions)),
    predictedCycles: Math.round(weighted(counts, cost.cycles)),
  };
}

/** `graph` is the simplified one that was lowered. */
export function reportModel(graph: Graph, { program, plan }: Lowered, target: Target): ModelReport {
  const nodes = new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const)));
  const costs = countProgram(program).map(({ counts }) => predicted(counts, target));
  const steps = plan.memory.order.map((index, position) => {
    const step = plan.steps[index] as StepPlan;
    const node = step.op === 'copy' ? undefined : nodes.get(step.value);
    return stepReport(graph, step, node, plan.memory.live[position] as number, costs[position] as Prediction);
  });
  const port = (name: ValueName): PortReport => {
    const type = typeOfValue(graph, name);
    return { name, type: typeText(type), bytes: byteSize(type) };
  };
  return {
    name: graph.name,
    target: target.name,
    inputs: graph.inputs.map(port),
    outputs: graph.outputs.map(port),
    steps,
    macs: steps.reduce((sum, step) => sum + step.macs, 0),
    constantBytes: weightBytes(program),
    arenaBytes: program.arenaBytes,
    stateBytes: program.stateBytes,
    predictedInstructions: costs.reduce((sum, { predictedInstructions }) => sum + predictedInstructions, 0),
    predictedCycles: costs.reduce((sum, { predictedCycles }) => sum + predictedCycles, 0),
  };
}

function stepReport(
  graph: Graph,
  step: StepPlan,
  node: Node | undefined,
  liveBytes: number,
  prediction: Prediction,
): StepReport {
  const { op, value, kernel, refused } = step;
  const type = graph.types.get(value);
  const macs = node && opRecord(node.op).macs?.({ inputs: inputTypes(graph, node), outputs: outputTypes(graph, node) });
  const constants = (node?.inputs ?? []).filter((name) => graph.constants.has(name));
  return {
    op,
    value,
    type: type === undefined ? '' : typeText(type),
    kernel,
    refused,
    macs: macs ?? 0,
    weightBytes: constants.reduce((sum, name) => sum + byteSize(typeOfValue(graph, name)), 0),
    liveBytes,
    ...prediction,
  };
}
