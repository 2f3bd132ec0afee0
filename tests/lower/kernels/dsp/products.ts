/** Convolutions and fully connected layers of bytes and halfwords for tests, and what is wrong with their programs. */
import { lower } from '../../../../compiler/lower/index.ts';
import type { Optimize } from '../../../../compiler/lower/kernel.ts';
import { TARGETS } from '../../../../compiler/targets/index.ts';
import { Machine } from '../../../../ir/loop/evaluate.ts';
import { printDiagnostic, verifyProgram } from '../../../../ir/loop/verify.ts';
import { bytesOf } from '../../../../ir/tensor/bytes.ts';
import { Evaluator } from '../../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../../../ir/tensor/graph.ts';
import type { TensorData } from '../../../../ir/tensor/types.ts';
import { overlapFault, permitted } from '../../../support/overlapping.ts';
import type { Random } from '../../../support/random.ts';
import { singleNode } from '../../../support/single-node.ts';
import { affineType, randomBytes } from './support.ts';

export interface Product {
  /** Of activations; bytes when it says nothing. */
  readonly dtype?: 'i8' | 'i16';
  /** Of 16-bit activations: 64 bits when it says nothing. */
  readonly accumulator?: 'i32' | 'i64';
  readonly batch?: number;
  readonly size?: readonly [height: number, width: number];
  readonly channels: number;
  readonly outputs: number;
  readonly groups?: number;
  readonly window?: readonly [number, number];
  readonly stride?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  /** Before and after, at the top and at the left alike. */
  readonly padding?: readonly [before: number, after: number];
  /** Of the result, relative to a sum of the window's size: small ones saturate, large ones shift left. */
  readonly outputScale?: number;
  readonly outputZero?: number;
  readonly activation?: 'none' | 'relu' | 'relu6';
  readonly rounding?: 'double' | 'single' | 'float';
  /** Weights down to -128. */
  readonly lowest?: boolean;
  /** Weight of every tap instead of random ones. */
  readonly weight?: number;
  readonly bias?: 'none' | 'usual' | 'huge';
  /** Weights are all 0 in every third channel, with a large bias. */
  readonly dead?: boolean;
  /** One scale for all channels. */
  readonly perTensor?: boolean;
}

function operands(r: Random, p: Product, weightShape: readonly number[], inputShape: readonly number[]) {
  const { outputs } = p;
  const taps = weightShape.slice(1).reduce((n, extent) => n * extent, 1);
  const scales = Array.from({ length: p.perTensor ? 1 : outputs }, () => 0.002 + 0.01 * r.unit());
  const each = (scale: number) => scale * 0.05;
  const spread = { none: 0, usual: 4000, huge: 2 ** 30 }[p.bias ?? 'usual'];
  const isDead = (channel: number) => p.dead === true && channel % 3 === 0;
  const w = affineType('i8', weightShape, scales, 0, p.perTensor ? undefined : 0);
  const weights = randomBytes(r, taps * outputs).map((value, i) =>
    isDead(Math.floor(i / taps)) ? 0 : (p.weight ?? Math.max(p.lowest ? -128 : -127, value)),
  );
  const values = Array.from({ length: outputs }, (_, c) =>
    isDead(c) ? r.int(-(2 ** 31), 2 ** 31 - 1) : r.int(-spread, spread),
  );
  const dtype = p.dtype ?? 'i8';
  const isLong = accumulatorOf(p) === 'i64';
  const bias = isLong ? BigInt64Array.from(values, BigInt) : Int32Array.from(values);
  const y = affineType(
    dtype,
    [1],
    (p.outputScale ?? 0.02) * Math.sqrt(taps),
    p.dtype === 'i16' ? 0 : (p.outputZero ?? (p.activation === 'relu' ? -128 : r.int(-20, 20))),
  );
  const given = [
    { type: affineType(dtype, inputShape, 0.05, dtype === 'i8' ? r.int(-128, 127) : 0) },
    { type: w, data: weights },
    ...(p.bias === 'none'
      ? []
      : [
          {
            type: affineType(isLong ? 'i64' : 'i32', [outputs], scales.map(each), 0, p.perTensor ? undefined : 0),
            data: bias,
          },
        ]),
  ];
  return { given, y };
}

function accumulatorOf(p: Product): 'i32' | 'i64' {
  return p.dtype === 'i16' ? (p.accumulator ?? 'i64') : 'i32';
}

export function convolution(r: Random, p: Product): Graph {
  const [height, width] = p.size ?? [6, 6];
  const [before, after] = p.padding ?? [0, 0];
  const depth = p.channels / (p.groups ?? 1);
  const { given, y } = operands(
    r,
    p,
    [p.outputs, ...(p.window ?? [1, 1]), depth],
    [p.batch ?? 1, height, width, p.channels],
  );
  const attrs = {
    stride: [...(p.stride ?? [1, 1])],
    dilation: [...(p.dilation ?? [1, 1])],
    padding: { top: before, left: before, bottom: after, right: after },
    activation: p.activation ?? 'none',
    rounding: p.rounding ?? 'double',
    accumulator: accumulatorOf(p),
  };
  return singleNode('conv2d', attrs as never, given, y);
}

export function fullyConnected(r: Random, p: Product): Graph {
  const { given, y } = operands(r, p, [p.outputs, p.channels], [p.batch ?? 1, p.channels]);
  const attrs = { activation: p.activation ?? 'none', rounding: p.rounding ?? 'double', accumulator: accumulatorOf(p) };
  return singleNode('fully_connected', attrs as never, given, y);
}

/** The kernel of the graph's node on a core, and why others were refused. */
export function chosenKernel(graph: Graph, target: keyof typeof TARGETS = 'cortex-m4') {
  const [step] = lower(graph, TARGETS[target]).plan.steps;
  if (step === undefined) throw new Error('the graph has no node');
  return step;
}

/**
 * Why the program for a Cortex-M4 is not valid, does not compute what evaluation says, or gives something else when its
 * result lies over its input as closely as the kernel allows. Undefined when all is well.
 */
export function productFault(graph: Graph, inputs: readonly TensorData[], optimize: Optimize): string | undefined {
  const lowered = lower(graph, TARGETS['cortex-m4'], { optimize });
  const diagnostics = verifyProgram(lowered.program).map(printDiagnostic);
  if (diagnostics.length > 0) return diagnostics.join('\n');
  const typeOf = (name: string | undefined) => typeOfValue(graph, name as string);
  const bytes = inputs.map((data, i) => bytesOf(typeOf(graph.inputs[i]), data));
  const [found] = new Machine(lowered.program).run(bytes);
  const [data] = new Evaluator(graph).run(inputs).outputs;
  const expected = bytesOf(typeOf(graph.outputs[0]), data as TensorData);
  const bad = expected.findIndex((byte, i) => byte !== found?.[i]);
  if (bad >= 0) return `byte ${bad}: ${found?.[bad]}, expected ${expected[bad]}`;
  return permitted(lowered, graph).flatMap((laid) => overlapFault(lowered, graph, laid, bytes) ?? [])[0];
}
