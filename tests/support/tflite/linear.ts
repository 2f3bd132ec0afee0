/** Weights, bias and output type of layers that sum products, with scales at which outputs spread over their range. */
import type { Tensor } from './build-case.ts';
import { elementCount } from './data.ts';
import type { Random } from './random.ts';
import type { TensorTypeName } from './schema.ts';

export interface LinearSpec {
  readonly input: Tensor;
  readonly weightShape: readonly number[];
  readonly weightType?: TensorTypeName;
  /** Range of the stored weights; the whole of their type when absent. */
  readonly weightRange?: readonly [number, number];
  readonly weightZeroPoint?: number;
  /** The dimension of `weightShape` along which the outputs' channels run. */
  readonly channelAxis: number;
  readonly perChannel?: boolean;
  /** Products that one output sums. */
  readonly terms: number;
  readonly bias: TensorTypeName | 'none';
  readonly outputShape: readonly number[];
  readonly outputZeroPoint?: number;
  /** Of the stored inputs minus their zero point; of uniform values over the type when absent. */
  readonly inputDeviation?: number;
  /** Above 1, outputs leave their range and saturate more often. */
  readonly gain?: number;
}

export interface LinearTensors {
  readonly weights: Tensor;
  /** `null` when the layer has none. */
  readonly bias: Tensor | null;
  readonly output: Tensor;
}

/** Stored values: their range, the deviation of uniform ones, and the deviation that outputs should have. */
const STORED: Readonly<Partial<Record<TensorTypeName, { range: readonly [number, number]; aim: number }>>> = {
  i8: { range: [-127, 127], aim: 50 },
  u8: { range: [1, 255], aim: 50 },
  i16: { range: [-32768, 32767], aim: 12000 },
  i4: { range: [-7, 7], aim: 3 },
};

const deviation = ([low, high]: readonly [number, number]) => (high - low) / Math.sqrt(12);

export function linearTensors(random: Random, spec: LinearSpec): LinearTensors {
  return spec.input.type === 'f32' ? floatTensors(random, spec) : quantizedTensors(random, spec);
}

function floatTensors(random: Random, spec: LinearSpec): LinearTensors {
  const channels = spec.weightShape[spec.channelAxis];
  return {
    weights: { type: 'f32', shape: spec.weightShape, data: random.floats(elementCount(spec.weightShape), -1, 1) },
    bias: spec.bias === 'none' ? null : { type: 'f32', shape: [channels], data: random.floats(channels, -1, 1) },
    output: { type: 'f32', shape: spec.outputShape },
  };
}

function quantizedTensors(random: Random, spec: LinearSpec): LinearTensors {
  const channels = spec.weightShape[spec.channelAxis];
  const weightType = spec.weightType ?? 'i8';
  const range = spec.weightRange ?? STORED[weightType]!.range;
  const inputScale = spec.input.scale![0];
  const base = 0.3 / range[1];
  const scales = spec.perChannel ? random.floats(channels, 0.5 * base, 1.5 * base) : [Math.fround(base)];
  const inputDeviation = spec.inputDeviation ?? deviation(STORED[spec.input.type]!.range);
  const sumDeviation = Math.sqrt(spec.terms) * inputDeviation * deviation(range);
  const outputScale = (sumDeviation * inputScale * base) / STORED[spec.input.type]!.aim / (spec.gain ?? 1);
  const biasLimit = Math.round(sumDeviation / 2);
  return {
    weights: {
      type: weightType,
      shape: spec.weightShape,
      data: random.ints(elementCount(spec.weightShape), ...range),
      scale: scales,
      zeroPoint: scales.map(() => spec.weightZeroPoint ?? 0),
      axis: spec.perChannel ? spec.channelAxis : 0,
    },
    bias:
      spec.bias === 'none'
        ? null
        : {
            type: spec.bias,
            shape: [channels],
            data: random.ints(channels, -biasLimit, biasLimit),
            scale: scales.map((scale) => Math.fround(inputScale * scale)),
          },
    output: {
      type: spec.input.type,
      shape: spec.outputShape,
      scale: [Math.fround(outputScale)],
      zeroPoint: [spec.outputZeroPoint ?? 0],
    },
  };
}

/** Outputs of a window of `size` (taps `dilation` apart) that moves by `stride` over `length`. */
export function windowOutputs(
  padding: 'SAME' | 'VALID',
  length: number,
  size: number,
  stride: number,
  dilation = 1,
): number {
  return Math.ceil((padding === 'SAME' ? length : length - (size - 1) * dilation) / stride);
}
