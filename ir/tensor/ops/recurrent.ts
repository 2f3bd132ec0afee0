/** Layers that remember: their states are operands, and the next states results. */
import { z } from 'zod';
import { NUMBERS } from '../algebra.ts';
import { logistic16, SIGMOID_TABLE, type SigmoidScale, tanh16 } from '../fixed-math.ts';
import { type Multiplier, quantizeMultiplier, requantize, roundAway, saturate } from '../fixed-point.ts';
import { floatFunctionOf } from '../float-math.ts';
import { defineOp, OpError, signature } from '../op.ts';
import { affineOf, elementCount, newData, type Tensor, type TensorData, type TensorType, typeText } from '../types.ts';
import { dotFloat, dotInt, inputZeroPoint } from './conv.ts';
import {
  activateFloat,
  activationAttr,
  biasValues,
  expectRank,
  extent,
  finish,
  fround,
  maxShiftOf,
  numbersOf,
  type OutputStage,
  outputStage,
  reasonOf,
} from './shared.ts';

/** Scale of a per-tensor affine type; throws OpError for another, or one with a zero point where `symmetric`. */
function scaleOf(type: TensorType, symmetric = false): number {
  if (type.quant.kind !== 'affine' || type.quant.scale.length !== 1) {
    throw new OpError(`expected a per-tensor affine type, found ${typeText(type)}`);
  }
  if (symmetric && type.quant.zeroPoint[0] !== 0) throw new OpError(`expected zero point 0, found ${typeText(type)}`);
  return type.quant.scale[0];
}

function expectShape(type: TensorType, shape: readonly number[], what: string): void {
  if (type.shape.length !== shape.length || shape.some((e, axis) => e !== type.shape[axis])) {
    throw new OpError(`expected ${what} of shape [${shape.join(',')}], found ${typeText(type)}`);
  }
}

/** Some models keep states and biases flat: only their size counts. */
function expectCount(type: TensorType, count: number, what: string): void {
  if (elementCount(type.shape) !== count)
    throw new OpError(`expected ${what} of ${count} values, found ${typeText(type)}`);
}

function symmetricType(dtype: TensorType['dtype'], scale: number): TensorType {
  return { dtype, shape: [], quant: { kind: 'affine', scale: [scale], zeroPoint: [0] } };
}

const svdfAttrs = z.strictObject({
  /** Filters per unit. */
  rank: extent,
  activation: activationAttr,
});
export type SvdfAttrs = z.infer<typeof svdfAttrs>;

/** How the feature products become state values, and how the products over time become the output. */
export interface SvdfStages {
  readonly feature: OutputStage;
  readonly time: OutputStage;
}

/** TFLite multiplies and divides these scales in single precision. Throws OpError. */
export function svdfStages(inputs: readonly TensorType[], y: TensorType): SvdfStages {
  const [x, feature, time, state] = inputs;
  const stateScale = scaleOf(state);
  const toState = fround(fround(scaleOf(x) * scaleOf(feature, true)) / stateScale);
  const toOutput = fround(fround(stateScale * scaleOf(time, true)) / scaleOf(y));
  return {
    feature: outputStage([toState], symmetricType(state.dtype, 1), 'none', 'double'),
    time: outputStage([toOutput], y, 'none', 'double'),
  };
}

const svdf = defineOp<SvdfAttrs>({
  doc:
    'Rank-limited filters over time (Nakkiran et al. 2015). Each of the filters has a row of `memory` past values: the row ' +
    'moves on by one, its last value becomes the dot product of x and the feature weights, and y[u] = act(bias[u] + sum ' +
    "over the unit's `rank` filters of row * time weights). Integers: sums wrap in i32; the feature product is requantized " +
    "and clamped to the state's type, and the state's zero point is added to it, wrapping; the result is requantized, " +
    'offset and clamped to its type and takes no other activation. Floats: f32, in that order, each step rounded.',
  attrs: svdfAttrs,
  inputs: ['x', 'feature', 'time', 'state', 'bias?'],
  outputs: ['y', 'next'],
  signatures: ['i8 i8 i16 i16 i32? -> i8 i16', 'i8 i8 i8 i8 i32? -> i8 i8', 'f32 f32 f32 f32 f32? -> f32 f32'].map(
    signature,
  ),
  traits: {},
  infer({ inputs: [x, feature, time, state, bias], attrs: { rank } }) {
    for (const [type, what] of [
      [x, 'x'],
      [feature, 'feature'],
      [time, 'time'],
    ] as const)
      expectRank(type, 2, what);
    const [batch, features] = x.shape;
    const [filters, memory] = time.shape;
    expectShape(feature, [filters, features], 'feature weights');
    expectCount(state, batch * filters * memory, 'a state');
    if (filters % rank !== 0) throw new OpError(`expected filters that divide by the rank ${rank}, found ${filters}`);
    if (bias !== undefined) expectCount(bias, filters / rank, 'a bias');
    return [[batch, filters / rank], [...state.shape]];
  },
  check({ inputs, outputs: [y, next], attrs }) {
    if (inputs[0].dtype === 'f32') return undefined;
    if (attrs.activation !== 'none')
      return `integers take no activation but the clamp to their type, found ${attrs.activation}`;
    return reasonOf(() => {
      svdfStages(inputs, y);
      const [given, made] = [affineOf(inputs[3]), affineOf(next)];
      if (given.scale !== made.scale || given.zeroPoint !== made.zeroPoint) {
        throw new OpError(`expected the state to stay ${typeText(inputs[3])}, found ${typeText(next)}`);
      }
    });
  },
  macs: ({ inputs: [x, , time] }) => elementCount(x.shape) * time.shape[0] + x.shape[0] * elementCount(time.shape),
  evaluate({ inputs, outputs: [yType, nextType], attrs }) {
    const [x, feature, time, state, bias] = inputs as readonly [Tensor, Tensor, Tensor, Tensor, Tensor?];
    const [batch, features] = x.type.shape;
    const [filters, memory] = time.type.shape;
    const units = filters / attrs.rank;
    const y = newData(yType.dtype, batch * units);
    const next = newData(nextType.dtype, state.data.length);
    const [xs, fs, ts, old] = [x, feature, time, state].map(numbersOf);
    const biases = biasValues(bias, units);
    const isFloat = x.type.dtype === 'f32';
    const stages = isFloat
      ? undefined
      : svdfStages(
          inputs.map(({ type }) => type),
          yType,
        );
    const dot = isFloat ? dotFloat : dotInt;
    const [xZero, stateZero] = [inputZeroPoint(x.type), inputZeroPoint(state.type)];
    for (let b = 0; b < batch; b++) {
      for (let unit = 0; unit < units; unit++) {
        let acc = biases[unit];
        for (let r = 0; r < attrs.rank; r++) {
          const filter = unit * attrs.rank + r;
          const row = (b * filters + filter) * memory;
          for (let j = 0; j + 1 < memory; j++) next[row + j] = old[row + j + 1];
          const latest = dot(0, xs, b * features, xZero, fs, filter * features, 0, features);
          // Storing wraps.
          next[row + memory - 1] = stages === undefined ? latest : finish(latest, 0, stages.feature, 'i32') + stateZero;
          const past = dot(
            0,
            next as Exclude<TensorData, BigInt64Array>,
            row,
            stateZero,
            ts,
            filter * memory,
            0,
            memory,
          );
          acc = isFloat ? fround(acc + past) : acc + past;
        }
        y[b * units + unit] =
          stages === undefined ? activateFloat(acc, attrs.activation) : finish(acc, 0, stages.time, 'i32');
      }
    }
    return [y, next];
  },
});

/** The gates in the order of their operands. */
export const GATES = ['input', 'forget', 'cell', 'output'] as const;
export type Gate = (typeof GATES)[number];

/** Positions of the operands of lstm; weights and biases are four each, in the order of GATES. */
export const LSTM_OPERANDS = { x: 0, inputWeights: 1, recurrentWeights: 5, bias: 9, hidden: 13, cell: 14 } as const;

const lstmAttrs = z.strictObject({
  /** x and y are [time, batch, ...] instead of [batch, time, ...]. */
  timeMajor: z.boolean().default(false),
  /** The cell state is clamped to ±cellClip; 0 is no clamp. */
  cellClip: z.number().min(0).default(0),
});
export type LstmAttrs = z.infer<typeof lstmAttrs>;

export interface LstmGeometry {
  readonly batch: number;
  readonly steps: number;
  readonly features: number;
  readonly units: number;
  /** Strides in vectors of x and y along batch and time. */
  readonly batchStride: number;
  readonly stepStride: number;
}

export function lstmGeometry(inputs: readonly TensorType[], { timeMajor }: LstmAttrs): LstmGeometry {
  const [first, second, features] = inputs[LSTM_OPERANDS.x].shape;
  const [batch, steps] = timeMajor ? [second, first] : [first, second];
  const units = inputs[LSTM_OPERANDS.inputWeights].shape[0];
  const [batchStride, stepStride] = timeMajor ? [1, batch] : [steps, 1];
  return { batch, steps, features, units, batchStride, stepStride };
}

/** The fixed-point constants of a quantized LSTM. */
export interface LstmScales {
  /** Stages of the products of x and of the hidden state, to Q3.12, for each gate. */
  readonly fromInput: readonly OutputStage[];
  readonly fromHidden: readonly OutputStage[];
  readonly accumulator: 'i32' | 'i64';
  /** How Q3.12 and the cell state enter the sigmoid table. */
  readonly gate: SigmoidScale;
  readonly cellToTanh: SigmoidScale;
  readonly forgetTimesCell: Multiplier;
  readonly inputTimesCell: Multiplier;
  readonly outputTimesTanh: Multiplier;
  readonly hiddenZeroPoint: number;
  /** Of stored cell values; 0 is no clamp. */
  readonly cellClip: number;
}

const GATE_INPUT = symmetricType('i16', 2 ** -12);
const GATE_UNIT = 2 ** -15;

/** The factor of a product of gates. Throws OpError for one that would shift every bit out. */
function gateFactor(factor: number): Multiplier {
  const multiplier = quantizeMultiplier(factor);
  if (multiplier.shift > 30)
    throw new OpError(`expected state scales above 2^-60, found a factor of 2^${multiplier.shift}`);
  return multiplier;
}

/** log2 of the cell state's scale. Throws OpError unless that is a power of two. */
function cellPower(cell: TensorType): number {
  const scale = scaleOf(cell, true);
  const power = roundAway(Math.log2(scale));
  if (!(Math.abs(Math.log2(scale) - power) < 1e-3 && power >= -30 && power <= 2)) {
    throw new OpError(`expected a cell state whose scale is a power of two from 2^-30 to 4, found ${typeText(cell)}`);
  }
  return power;
}

/** The constants of tflite-micro's lstm_eval. Throws OpError for types they are not defined for. */
export function lstmScales(inputs: readonly TensorType[], attrs: LstmAttrs): LstmScales {
  const at = LSTM_OPERANDS;
  const [x, hidden, cell] = [inputs[at.x], inputs[at.hidden], inputs[at.cell]];
  const accumulator = x.dtype === 'i16' ? 'i64' : 'i32';
  const power = cellPower(cell);
  const stages = (source: TensorType, first: number) =>
    GATES.map((_, gate) => {
      const factor = fround(scaleOf(source) * scaleOf(inputs[first + gate], true)) / 2 ** -12;
      return outputStage([factor], GATE_INPUT, 'none', 'double', maxShiftOf(accumulator));
    });
  const clip = fround(attrs.cellClip) / scaleOf(cell);
  return {
    fromInput: stages(x, at.inputWeights),
    fromHidden: stages(hidden, at.recurrentWeights),
    accumulator,
    gate: { multiplier: 3, shift: 0 },
    cellToTanh: power >= -12 ? { multiplier: 3 << (12 + power), shift: 0 } : { multiplier: 3, shift: -12 - power },
    forgetTimesCell: gateFactor(GATE_UNIT),
    inputTimesCell: gateFactor(GATE_UNIT ** 2 / scaleOf(cell)),
    outputTimesTanh: gateFactor(GATE_UNIT ** 2 / scaleOf(hidden)),
    hiddenZeroPoint: affineOf(hidden).zeroPoint,
    cellClip: Math.trunc(Math.min(clip, 32767)),
  };
}

/** What one time step computes of one unit, for floats and for integers. */
interface LstmArithmetic {
  /** The activated gate from its two products. */
  gate(gate: Gate, fromInput: number, fromHidden: number): number;
  cell(forget: number, input: number, candidate: number, cell: number): number;
  hidden(output: number, cell: number): number;
}

function floatArithmetic({ cellClip }: LstmAttrs): LstmArithmetic {
  const [logistic, tanh] = [floatFunctionOf('logistic'), floatFunctionOf('tanh')];
  const clip = fround(cellClip);
  return {
    gate: (gate, a, b) => (gate === 'cell' ? tanh : logistic)(fround(a + b)),
    cell(forget, input, candidate, cell) {
      const sum = fround(fround(forget * cell) + fround(input * candidate));
      return clip > 0 ? NUMBERS.max(NUMBERS.min(clip, sum), -clip) : sum;
    },
    hidden: (output, cell) => fround(tanh(cell) * output),
  };
}

function fixedArithmetic(scales: LstmScales, hidden: TensorType): LstmArithmetic {
  const table = (index: number) => SIGMOID_TABLE[index];
  const product = (a: number, b: number, factor: Multiplier) => requantize(Math.imul(a, b), factor);
  return {
    gate(gate, a, b) {
      const f = gate === 'cell' ? tanh16 : logistic16;
      return f(NUMBERS, saturate(a + b, 'i16'), scales.gate, table);
    },
    cell(forget, input, candidate, cell) {
      const kept = saturate(product(forget, cell, scales.forgetTimesCell), 'i16');
      const added = saturate(product(input, candidate, scales.inputTimesCell), 'i16');
      const sum = saturate(kept + added, 'i16');
      return scales.cellClip > 0 ? Math.max(Math.min(scales.cellClip, sum), -scales.cellClip) : sum;
    },
    hidden(output, cell) {
      const raised = tanh16(NUMBERS, cell, scales.cellToTanh, table);
      return saturate((product(raised, output, scales.outputTimesTanh) + scales.hiddenZeroPoint) | 0, hidden.dtype);
    },
  };
}

type Product = (gate: number, unit: number, xStart: number, hiddenStart: number) => readonly [number, number];

/** The products of x and of the hidden state for one gate of one unit. */
function lstmProducts(
  inputs: readonly Tensor[],
  hidden: ArrayLike<number>,
  g: LstmGeometry,
  scales: LstmScales | undefined,
): Product {
  const at = LSTM_OPERANDS;
  const data = inputs.map((tensor, i) =>
    i >= at.bias && i < at.hidden ? biasValues(tensor, g.units) : numbersOf(tensor),
  );
  const dot = scales === undefined ? dotFloat : dotInt;
  const [xZero, hiddenZero] = [inputZeroPoint(inputs[at.x].type), inputZeroPoint(inputs[at.hidden].type)];
  return (gate, unit, xStart, hiddenStart) => {
    const { features, units } = g;
    const a = dot(0, data[at.x], xStart, xZero, data[at.inputWeights + gate], unit * features, 0, features);
    const b = dot(0, hidden, hiddenStart, hiddenZero, data[at.recurrentWeights + gate], unit * units, 0, units);
    const bias = data[at.bias + gate][unit];
    if (scales === undefined) return [fround(a + bias), b];
    const { accumulator } = scales;
    return [
      finish(a + bias, 0, scales.fromInput[gate], accumulator),
      finish(b, 0, scales.fromHidden[gate], accumulator),
    ];
  };
}

function lstmSignature(x: string, w: string, bias: string, cell: string): string {
  const four = (dtype: string) => Array(4).fill(dtype).join(' ');
  return `${x} ${four(w)} ${four(w)} ${four(bias)} ${x} ${cell} -> ${x} ${x} ${cell}`;
}

const gateNames = (prefix: string) => GATES.map((gate) => `${prefix}_${gate}`);

const lstm = defineOp<LstmAttrs>({
  doc:
    'Long short-term memory over a sequence (Hochreiter and Schmidhuber 1997), no peepholes or projection. At each step, ' +
    'for gates i, f, o: logistic(W x + b + R h), g: tanh of the same; c = f*c + i*g, clamped to ±cellClip; h = o*tanh(c); ' +
    'y is h of every step. Integers, as tflite-micro: each product is requantized to Q3.12 and clamped to 16 bits (8-bit x ' +
    'sums wrap in i32, 16-bit x in i64), the two are added with saturation, logistic and tanh are interpolated from a table ' +
    'to Q0.15, and products of gates are requantized and clamped to 16 bits, for h to its type. Floats: f32, each step ' +
    'rounded; NaN goes into the states, and a clamp turns it into cellClip.',
  attrs: lstmAttrs,
  inputs: ['x', ...gateNames('w'), ...gateNames('r'), ...gateNames('b'), 'hidden', 'cell'],
  outputs: ['y', 'next_hidden', 'next_cell'],
  signatures: [
    lstmSignature('i8', 'i8', 'i32', 'i16'),
    lstmSignature('i16', 'i8', 'i64', 'i16'),
    lstmSignature('f32', 'f32', 'f32', 'f32'),
  ].map(signature),
  traits: {},
  infer({ inputs, attrs }) {
    const at = LSTM_OPERANDS;
    expectRank(inputs[at.x], 3, 'x');
    expectRank(inputs[at.inputWeights], 2, 'input weights');
    const { batch, features, units } = lstmGeometry(inputs, attrs);
    GATES.forEach((gate, i) => {
      expectShape(inputs[at.inputWeights + i], [units, features], `input weights of the ${gate} gate`);
      expectShape(inputs[at.recurrentWeights + i], [units, units], `recurrent weights of the ${gate} gate`);
      expectCount(inputs[at.bias + i], units, `a bias of the ${gate} gate`);
    });
    const [hidden, cell] = [inputs[at.hidden], inputs[at.cell]];
    expectCount(hidden, batch * units, 'a hidden state');
    expectCount(cell, batch * units, 'a cell state');
    return [[...inputs[at.x].shape.slice(0, 2), units], [...hidden.shape], [...cell.shape]];
  },
  check({ inputs, outputs: [y, nextHidden, nextCell], attrs }) {
    const [hidden, cell] = [inputs[LSTM_OPERANDS.hidden], inputs[LSTM_OPERANDS.cell]];
    if (cell.dtype === 'f32') return undefined;
    return reasonOf(() => {
      lstmScales(inputs, attrs);
      for (const [type, like] of [
        [y, hidden],
        [nextHidden, hidden],
        [nextCell, cell],
      ]) {
        const [found, expected] = [scaleOf(type), scaleOf(like)];
        if (found !== expected || affineOf(type).zeroPoint !== affineOf(like).zeroPoint) {
          throw new OpError(`expected the quantization of ${typeText(like)}, found ${typeText(type)}`);
        }
      }
    });
  },
  macs: ({ inputs, outputs: [y] }) => elementCount(y.shape) * 4 * (inputs[LSTM_OPERANDS.x].shape[2] + y.shape[2]),
  evaluate({ inputs, outputs: [yType], attrs }) {
    const types = inputs.map(({ type }) => type);
    const g = lstmGeometry(types, attrs);
    const hidden = numbersOf(inputs[LSTM_OPERANDS.hidden]).slice();
    const cell = numbersOf(inputs[LSTM_OPERANDS.cell]).slice();
    const scales = yType.dtype === 'f32' ? undefined : lstmScales(types, attrs);
    const products = lstmProducts(inputs, hidden, g, scales);
    const arithmetic = scales === undefined ? floatArithmetic(attrs) : fixedArithmetic(scales, yType);
    const y = newData(yType.dtype, elementCount(yType.shape));
    for (let b = 0; b < g.batch; b++) {
      for (let step = 0; step < g.steps; step++) {
        const vector = b * g.batchStride + step * g.stepStride;
        const next = Array.from({ length: g.units }, (_, unit) => {
          const [input, forget, candidate, output] = GATES.map((gate, i) =>
            arithmetic.gate(gate, ...products(i, unit, vector * g.features, b * g.units)),
          );
          const place = b * g.units + unit;
          cell[place] = arithmetic.cell(forget, input, candidate, cell[place]);
          return arithmetic.hidden(output, cell[place]);
        });
        hidden.set(next, b * g.units);
        next.forEach((value, unit) => {
          y[vector * g.units + unit] = value;
        });
      }
    }
    return [y, hidden, cell];
  },
});

export const RECURRENT_OPS = { svdf, lstm } as const;
