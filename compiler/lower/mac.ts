/**
 * Multiply-accumulate with its beginning and end, for every type that convolutions and matrix products come in. Kernels
 * spell their loops around it and stay the same for int8, 16x8, float and float with int8 weights.
 */
import { type Buffer, expr, f32, i64, type Operand, op, sub } from '../../ir/loop/build.ts';
import type { Expr } from '../../ir/loop/types.ts';
import { activationBounds } from '../../ir/tensor/fixed-point.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import type { OutputStage } from '../../ir/tensor/ops/shared.ts';
import { integerRange, type TensorType } from '../../ir/tensor/types.ts';
import type { KernelBuilder } from './kernel.ts';
import { activateFloatExpr, arithmetic, perChannel, requantizer } from './requantize.ts';

export interface Mac {
  /** The accumulator before the first product. */
  start(channel: Operand): Expr;
  /** acc + x * w for stored values x and w. */
  step(acc: Expr, x: Expr, w: Expr, channel: Operand): Expr;
  /** The stored result. */
  finish(acc: Expr, channel: Operand): Expr;
}

/** What the products of one layer are made of. `weights[c]` are the stored weights of output channel c, when constant. */
export interface MacLayer {
  readonly x: TensorType;
  readonly w: TensorType;
  readonly y: TensorType;
  readonly channels: number;
  /** Products per output. */
  readonly depth: number;
  readonly stage: OutputStage | undefined;
  readonly accumulator: 'i32' | 'i64';
  readonly activation: Parameters<typeof activationBounds>[0];
  readonly bias: ArrayLike<number> | undefined;
  /** Stored weights of an output channel; undefined when they are not constant. */
  readonly weights: ((channel: number) => Iterable<number>) | undefined;
  /** No tap is ever left out, so the input's zero point folds into the bias. */
  readonly everyTap: boolean;
}

export function macOf<K extends OpName>(k: KernelBuilder<K>, layer: MacLayer, runtimeBias?: Buffer): Mac {
  if (layer.x.dtype === 'f32') return floatMac(k, layer, runtimeBias);
  return layer.accumulator === 'i64' ? longMac(k, layer, runtimeBias) : intMac(k, layer, runtimeBias);
}

function zeroPoints(type: TensorType): readonly number[] {
  return type.quant.kind === 'affine' ? type.quant.zeroPoint : [0];
}

function perOutput(values: readonly number[], channel: number): number {
  return (values.length === 1 ? values[0] : values[channel]) as number;
}

/** The largest |accumulator| of any channel at any point of the sum, from the weights where they are known. */
export function accumulatorBound(layer: MacLayer): number {
  const [xLow, xHigh] = integerRange(layer.x.dtype);
  const [wLow, wHigh] = integerRange(layer.w.dtype);
  const xZero = perOutput(zeroPoints(layer.x), 0);
  const xMax = Math.max(xHigh - xZero, xZero - xLow, xHigh, -xLow);
  let worst = 0;
  for (let channel = 0; channel < layer.channels; channel++) {
    const wZero = perOutput(zeroPoints(layer.w), channel);
    let sum = 0;
    if (layer.weights === undefined) sum = layer.depth * Math.max(wHigh - wZero, wZero - wLow);
    else for (const w of layer.weights(channel)) sum += Math.abs(w - wZero);
    const bias = layer.bias === undefined ? 0 : Math.abs(layer.bias[channel] as number);
    // Twice the input range covers the sum that has the zero point folded into its start.
    worst = Math.max(worst, sum * 2 * xMax + bias);
  }
  return worst;
}

/** Whether the scaled accumulator plus zero point stays within i32 too. */
function resultFits(bound: number, stage: OutputStage): boolean {
  const shift = Math.max(0, ...stage.multipliers.map((m) => m.shift));
  return bound * 2 ** shift < 2 ** 31 - 2 ** 17;
}

function intMac<K extends OpName>(k: KernelBuilder<K>, layer: MacLayer, runtimeBias?: Buffer): Mac {
  const stage = layer.stage as OutputStage;
  const bound = runtimeBias === undefined ? accumulatorBound(layer) : Number.POSITIVE_INFINITY;
  const fits = bound < 2 ** 31;
  const { add: plus, mul: times } = arithmetic(fits);
  const xZero = perOutput(zeroPoints(layer.x), 0);
  const wZeros = zeroPoints(layer.w);
  const symmetric = wZeros.every((z) => z === 0);
  const folds = layer.everyTap && symmetric && layer.weights !== undefined && runtimeBias === undefined;
  const bias = perChannel(k, 'bias', 'i32', startValues(layer, folds ? xZero : 0));
  const wZero = perChannel(k, 'w_zero', 'i16', [...wZeros]);
  const tail = requantizer(k, stage, 'i32', fits && resultFits(bound, stage));
  return {
    start: (channel) => (runtimeBias === undefined ? bias.at(channel) : runtimeBias.at(channel)),
    step: (acc, x, w, channel) =>
      plus(acc, times(folds ? x : sub(x, xZero), symmetric ? w : sub(w, wZero.at(channel)))),
    finish: (acc, channel) => tail.apply(acc, channel),
  };
}

/** Bias minus zero point times the sum of the weights, wrapped to i32. */
function startValues(layer: MacLayer, xZero: number): number[] {
  return Array.from({ length: layer.channels }, (_, channel) => {
    let start = layer.bias === undefined ? 0 : (layer.bias[channel] as number);
    if (xZero !== 0 && layer.weights !== undefined) for (const w of layer.weights(channel)) start -= xZero * w;
    return start | 0;
  });
}

/** 16x8: products fit into i32, their sum into i64. Activations and weights are symmetric or offset by small zero points. */
function longMac<K extends OpName>(k: KernelBuilder<K>, layer: MacLayer, runtimeBias?: Buffer): Mac {
  const xZero = perOutput(zeroPoints(layer.x), 0);
  const wZero = perChannel(k, 'w_zero', 'i16', [...zeroPoints(layer.w)]);
  const bias =
    runtimeBias ??
    (layer.bias === undefined
      ? undefined
      : k.rom('bias', 'i64', BigInt64Array.from(Array.from(layer.bias, (b) => BigInt(b)))));
  const tail = requantizer(k, layer.stage as OutputStage, 'i64', false);
  return {
    start: () => i64(0),
    step: (acc, x, w, channel) =>
      op('i64.add_wrap', [acc, op('i64.extend_i32_s', [op('i32.mul', [sub(x, xZero), sub(w, wZero.at(channel))])])]),
    finish: (acc, channel) =>
      tail.apply(bias === undefined ? acc : op('i64.add_wrap', [acc, bias.at(channel)]), channel),
  };
}

function floatMac<K extends OpName>(k: KernelBuilder<K>, layer: MacLayer, runtimeBias?: Buffer): Mac {
  const integerWeights = layer.w.dtype !== 'f32';
  const wZero = perChannel(k, 'w_zero', 'i16', [...zeroPoints(layer.w)]);
  const scales = layer.w.quant.kind === 'affine' ? layer.w.quant.scale : [1];
  const scale = scales.length === 1 ? undefined : k.rom('w_scale', 'f32', scales);
  const bias = runtimeBias ?? (layer.bias === undefined ? undefined : k.rom('bias', 'f32', Array.from(layer.bias)));
  const real = (w: Expr, channel: Operand): Expr =>
    integerWeights ? op('f32.convert_i32_s', [sub(w, wZero.at(channel))]) : w;
  return {
    start: () => f32(0),
    step: (acc, x, w, channel) => op('f32.add', [acc, op('f32.mul', [x, real(w, channel)])]),
    finish: (acc, channel) => {
      const scaled = integerWeights
        ? op('f32.mul', [acc, scale === undefined ? f32(scales[0] as number) : scale.at(channel)])
        : acc;
      const biased = op('f32.add', [scaled, bias === undefined ? f32(0) : bias.at(channel)]);
      return activateFloatExpr(expr(biased), activationBounds(layer.activation), f32);
    },
  };
}
