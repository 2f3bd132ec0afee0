/** Matrix products. */
import { z } from 'zod';
import { defineOp, OpError, signature } from '../op.ts';
import { elementCount, newData, type Tensor, type TensorType, typeText } from '../types.ts';
import { convFactors, dotFloat, dotInt, inputZeroPoint, weightZeroPoints } from './conv.ts';
import {
  accumulatorAttr,
  activateFloat,
  activationAttr,
  biasValues,
  expectRank,
  finish,
  fround,
  maxShiftOf,
  numbersOf,
  type OutputStage,
  outputStage,
  reasonOf,
  roundingAttr,
} from './shared.ts';

const fullyConnectedAttrs = z.strictObject({
  activation: activationAttr,
  rounding: roundingAttr,
  accumulator: accumulatorAttr,
});
export type FullyConnectedAttrs = z.infer<typeof fullyConnectedAttrs>;

/** The output stage of a fully connected layer; TFLite multiplies per-tensor scales in single precision, unlike its convolutions. */
export function fullyConnectedStage(
  x: TensorType,
  w: TensorType,
  y: TensorType,
  attrs: FullyConnectedAttrs,
): OutputStage {
  const factors =
    attrs.rounding !== 'float' &&
    x.quant.kind === 'affine' &&
    w.quant.kind === 'affine' &&
    y.quant.kind === 'affine' &&
    w.quant.scale.length === 1
      ? [fround((x.quant.scale[0] as number) * (w.quant.scale[0] as number)) / (y.quant.scale[0] as number)]
      : convFactors(x, w, y, attrs.rounding);
  return outputStage(factors, y, attrs.activation, attrs.rounding, maxShiftOf(attrs.accumulator));
}

const fully_connected = defineOp<FullyConnectedAttrs>({
  doc:
    "y[b,o] = act(bias[o] + sum over i of x[b,i] * w[o,i]); x of any rank is read as rows of the length of w's rows. " +
    'Integer and float arithmetic as conv2d, except that the product of two per-tensor scales is rounded to f32 before it ' +
    'is divided by the output scale.',
  attrs: fullyConnectedAttrs,
  inputs: ['x', 'w', 'bias?'],
  outputs: ['y'],
  signatures: [
    'i8 i8 i32? -> i8',
    'i16 i8 i32? -> i16',
    'i16 i8 i64? -> i16',
    'u8 u8 i32? -> u8',
    'f32 f32 f32? -> f32',
    'f32 i8 f32? -> f32',
  ].map(signature),
  traits: {},
  infer({ inputs }) {
    const [x, w, bias] = inputs as [TensorType, TensorType, TensorType | undefined];
    expectRank(w, 2, 'w');
    const [units, depth] = w.shape as [number, number];
    const count = elementCount(x.shape);
    if (count % depth !== 0) throw new OpError(`the values of ${typeText(x)} do not divide into rows of ${depth}`);
    if (bias !== undefined && elementCount(bias.shape) !== units) {
      throw new OpError(`expected a bias of ${units} values, found ${typeText(bias)}`);
    }
    return [[count / depth, units]];
  },
  check({ inputs, outputs, attrs }) {
    const [x, w] = inputs as [TensorType, TensorType];
    if (w.dtype === 'f32') return undefined;
    if (w.quant.kind !== 'affine') return `expected affine weights, found ${typeText(w)}`;
    if (w.quant.scale.length > 1 && w.quant.axis !== 0)
      return `expected weight scales along axis 0, found ${typeText(w)}`;
    if (x.dtype === 'f32') return undefined;
    for (const type of [x, outputs[0] as TensorType]) {
      if (type.quant.kind !== 'affine' || type.quant.scale.length !== 1) {
        return `expected per-tensor affine activations, found ${typeText(type)}`;
      }
    }
    return reasonOf(() => fullyConnectedStage(x, w, outputs[0] as TensorType, attrs));
  },
  macs: ({ inputs, outputs }) =>
    elementCount((outputs[0] as TensorType).shape) * ((inputs[1] as TensorType).shape[1] as number),
  evaluate({ inputs, outputs, attrs }) {
    const [x, w, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    const yType = outputs[0] as TensorType;
    const [units, depth] = w.type.shape as [number, number];
    const rows = elementCount(x.type.shape) / depth;
    const y = newData(yType.dtype, rows * units);
    const xs = numbersOf(x);
    const ws = numbersOf(w);
    const xZero = inputZeroPoint(x.type);
    const wZeros = weightZeroPoints(w.type);
    const biases = biasValues(bias, units);
    const isFloat = x.type.dtype === 'f32';
    const stage = isFloat ? undefined : fullyConnectedStage(x.type, w.type, yType, attrs);
    const scales = w.type.quant.kind === 'affine' ? w.type.quant.scale : [1];
    for (let row = 0; row < rows; row++) {
      for (let unit = 0; unit < units; unit++) {
        const wZero = (wZeros.length === 1 ? wZeros[0] : wZeros[unit]) as number;
        const dot = isFloat ? dotFloat : dotInt;
        const acc = dot(0, xs, row * depth, xZero, ws, unit * depth, wZero, depth);
        const scale = (scales.length === 1 ? scales[0] : scales[unit]) as number;
        y[row * units + unit] =
          stage === undefined
            ? activateFloat(fround(fround(acc * scale) + (biases[unit] as number)), attrs.activation)
            : finish(acc + (biases[unit] as number), unit, stage, attrs.accumulator);
      }
    }
    return [y];
  },
});

export const MATMUL_OPS = { fully_connected } as const;
