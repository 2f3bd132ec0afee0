/** Nodes of bytes for tests of kernels with dual multiplies. */
import type { Lowered } from '../../../../compiler/lower/index.ts';
import { lower } from '../../../../compiler/lower/index.ts';
import { TARGETS } from '../../../../compiler/targets/index.ts';
import { bytesOf } from '../../../../ir/tensor/bytes.ts';
import { type Graph, typeOfValue } from '../../../../ir/tensor/graph.ts';
import type { DType, TensorData, TensorType } from '../../../../ir/tensor/types.ts';
import { overlapFault, permitted } from '../../../support/overlapping.ts';
import type { Random } from '../../../support/random.ts';
import { programFault } from '../../../support/single-node.ts';

/** A per-tensor affine type. */
export function affineType(
  dtype: DType,
  shape: readonly number[],
  scale: number | readonly number[],
  zeroPoint = 0,
  axis?: number,
): TensorType {
  const scales = (typeof scale === 'number' ? [scale] : scale).map(Math.fround);
  const zeroPoints = scales.map(() => zeroPoint);
  const quant = {
    kind: 'affine',
    scale: scales,
    zeroPoint: zeroPoints,
    ...(axis === undefined ? {} : { axis }),
  } as const;
  return { dtype, shape, quant };
}

/** Bytes at the ends of their range more often than others. */
export function randomBytes(r: Random, length: number, extremes = 0.2): Int8Array {
  return Int8Array.from({ length }, () => (r.chance(extremes) ? r.pick([-128, 127]) : r.int(-128, 127)));
}

/** The node's kernel on a Cortex-M4. */
export function planOf(graph: Graph, target: keyof typeof TARGETS = 'cortex-m4'): Lowered['plan']['steps'][number] {
  const [step] = lower(graph, TARGETS[target]).plan.steps;
  if (step === undefined) throw new Error('the graph has no node');
  return step;
}

/** Why a kernel does not take the node on a Cortex-M4; undefined when it does, or another before it. */
export function reasonOf(graph: Graph, kernel: string, target: keyof typeof TARGETS = 'cortex-m4'): string | undefined {
  return planOf(graph, target).refused.find((refused) => refused.kernel === kernel)?.reason;
}

/** As `programFault` on a Cortex-M4, with results laid over inputs too where the kernel allows it. */
export function fault(graph: Graph, inputs: readonly TensorData[]): string | undefined {
  const wrong = programFault(graph, inputs, 'cortex-m4');
  if (wrong !== undefined) return wrong;
  const lowered = lower(graph, TARGETS['cortex-m4']);
  const bytes = inputs.map((data, i) => bytesOf(typeOfValue(graph, graph.inputs[i] as string), data));
  for (const laid of permitted(lowered, graph)) {
    const overlapping = overlapFault(lowered, graph, laid, bytes);
    if (overlapping !== undefined) return overlapping;
  }
  return undefined;
}
