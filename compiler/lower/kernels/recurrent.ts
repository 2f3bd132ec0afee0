/** Kernels of svdf and lstm. */
import { add, affine, type Buffer, f32, i32, max, min, mul, op } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { logistic16, SIGMOID_TABLE, tanh16 } from '../../../ir/tensor/fixed-math.ts';
import { activationBounds, type Multiplier } from '../../../ir/tensor/fixed-point.ts';
import {
  GATES,
  type Gate,
  LSTM_OPERANDS,
  type LstmGeometry,
  type LstmScales,
  lstmGeometry,
  lstmScales,
  svdfStages,
} from '../../../ir/tensor/ops/recurrent.ts';
import { biasValues, type OutputStage } from '../../../ir/tensor/ops/shared.ts';
import { affineOf, integerRange, type TensorType } from '../../../ir/tensor/types.ts';
import { loopAlgebra, useFloatFunction } from '../algebra.ts';
import type { Kernel, KernelBuilder } from '../kernel.ts';
import { type Mac, macOf } from '../mac.ts';
import { activateFloatExpr, clampTo } from '../requantize.ts';

/** The dot products of one operand with the rows of a weight operand, as the operands' types want them. */
interface Rows {
  readonly x: TensorType;
  /** Operand of the weights, and of the bias if there is one. */
  readonly weights: number;
  readonly bias?: number;
  readonly rows: number;
  readonly depth: number;
  readonly stage: OutputStage | undefined;
  readonly accumulator: 'i32' | 'i64';
}

function rowsMac<K extends 'svdf' | 'lstm'>(k: KernelBuilder<K>, rows: Rows): Mac {
  const { inputs, constant, outputs } = k.site;
  const weights = constant(rows.weights)?.data as ArrayLike<number> | undefined;
  const bias = rows.bias === undefined ? undefined : inputs[rows.bias];
  const biasData = rows.bias === undefined ? undefined : constant(rows.bias)?.data;
  const runtimeBias = bias !== undefined && biasData === undefined ? k.input(rows.bias as number, 'bias') : undefined;
  const layer = {
    x: rows.x,
    w: inputs[rows.weights],
    y: outputs[0],
    channels: rows.rows,
    depth: rows.depth,
    stage: rows.stage,
    accumulator: rows.accumulator,
    activation: 'none' as const,
    bias: bias && biasData ? biasValues({ type: bias, data: biasData }, rows.rows) : undefined,
    weights:
      weights === undefined
        ? undefined
        : function* (row: number) {
            for (let i = 0; i < rows.depth; i++) yield weights[row * rows.depth + i];
          },
    everyTap: true,
  };
  return macOf(k, layer, runtimeBias);
}

/** acc += x[xStart + i] * w[wStart + i], in the order of i. */
function dot(
  k: KernelBuilder<'svdf' | 'lstm'>,
  mac: Mac,
  channel: Expr,
  [x, xStart]: readonly [Buffer, Expr],
  [w, wStart]: readonly [Buffer, Expr],
  depth: number,
): Expr {
  const acc = k.variable('acc', mac.start(channel));
  k.for('i', 0, depth, (i) => {
    k.set(acc, mac.step(acc.value, x.at(add(xStart, i)), w.at(add(wStart, i)), channel));
  });
  return mac.finish(acc.value, channel);
}

/** How svdf sums over time: integers start from the bias, floats add each filter's sum to it. */
interface TimeSum {
  start(unit: Expr): Expr;
  /** The sum after one filter, whose row begins at `row` and whose weights at `weights`. */
  filter(sum: Expr, row: Expr, weights: Expr, unit: Expr): Expr;
  finish(sum: Expr, unit: Expr): Expr;
}

function integerTime(k: KernelBuilder<'svdf'>, next: Buffer, stage: OutputStage): TimeSum {
  const [, , time, state, bias] = k.site.inputs;
  const [filters, memory] = time.shape;
  const { rank } = k.site.attrs;
  const mac = rowsMac(k, {
    x: state,
    weights: 2,
    ...(bias === undefined ? {} : { bias: 4 }),
    rows: filters / rank,
    depth: memory * rank,
    stage,
    accumulator: 'i32',
  });
  const weights = k.input(2, 'time');
  return {
    start: mac.start,
    filter(sum, row, from, unit) {
      const acc = k.variable('past', sum);
      k.for('j', 0, memory, (j) => {
        k.set(acc, mac.step(acc.value, next.at(add(row, j)), weights.at(add(from, j)), unit));
      });
      return acc.value;
    },
    finish: mac.finish,
  };
}

function floatTime(k: KernelBuilder<'svdf'>, next: Buffer): TimeSum {
  const [, , time, , biasType] = k.site.inputs;
  const memory = time.shape[1];
  const weights = k.input(2, 'time');
  const bias = biasType === undefined ? undefined : k.input(4, 'bias');
  return {
    start: (unit) => (bias === undefined ? f32(0) : bias.at(unit)),
    filter(sum, row, from) {
      const acc = k.variable('past', f32(0));
      k.for('j', 0, memory, (j) => {
        const product = op('f32.mul', [next.at(add(row, j)), weights.at(add(from, j))]);
        k.set(acc, op('f32.add', [acc.value, product]));
      });
      return op('f32.add', [sum, acc.value]);
    },
    finish: (sum) => activateFloatExpr(sum, activationBounds(k.site.attrs.activation), f32),
  };
}

const svdfDirect: Kernel<'svdf'> = {
  name: 'svdf',
  doc:
    'for each batch and unit: acc = bias; for each filter of the unit: move its row of the state on by one, put the dot ' +
    'product of x and its feature weights at the end, acc += row * time weights; requantize. One accumulator at a time.',
  applies: () => true,
  inPlace: () => [[3, 1]],
  build(k) {
    const [xType, feature, timeType, stateType] = k.site.inputs;
    const [batch, features] = xType.shape;
    const [filters, memory] = timeType.shape;
    const { rank } = k.site.attrs;
    const isFloat = xType.dtype === 'f32';
    const stages = isFloat ? undefined : svdfStages(k.site.inputs, k.site.outputs[0]);
    const x = k.input(0, 'x');
    const w = k.input(1, 'feature');
    const state = k.input(3, 'state');
    const y = k.output(0, 'y');
    const next = k.output(1, 'next');
    const latest = rowsMac(k, {
      x: xType,
      weights: 1,
      rows: feature.shape[0],
      depth: features,
      stage: stages?.feature,
      accumulator: 'i32',
    });
    const time = stages === undefined ? floatTime(k, next) : integerTime(k, next, stages.time);
    const zeroPoint = isFloat ? 0 : affineOf(stateType).zeroPoint;
    k.forAll(['b', 'unit'], [batch, filters / rank], ([b, unit]) => {
      const sum = k.variable('sum', time.start(unit));
      k.for('r', 0, rank, (r) => {
        const filter = k.let('filter', affine([[unit, rank]], r));
        const row = k.let(
          'row',
          affine([
            [b, filters * memory],
            [filter, memory],
          ]),
        );
        k.for('j', 0, memory - 1, (j) => k.store(next, add(row, j), state.at(add(add(row, j), 1))));
        const from = [x, mul(b, features)] as const;
        const value = dot(k, latest, filter, from, [w, mul(filter, features)], features);
        k.store(next, add(row, memory - 1), zeroPoint === 0 ? value : add(value, zeroPoint));
        k.set(sum, time.filter(sum.value, row, mul(filter, memory), unit));
      });
      k.store(y, affine([[b, filters / rank]], unit), time.finish(sum.value, unit));
    });
  },
};

/** What one time step computes of one unit; equal to the arithmetic of the record. */
interface LstmCode {
  gate(gate: Gate, fromInput: Expr, fromHidden: Expr): Expr;
  cell(forget: Expr, input: Expr, candidate: Expr, cell: Expr): Expr;
  hidden(output: Expr, cell: Expr): Expr;
}

function floatCode(k: KernelBuilder<'lstm'>): LstmCode {
  const logistic = useFloatFunction(k, 'logistic');
  const tanh = useFloatFunction(k, 'tanh');
  const times = (a: Expr, b: Expr) => op('f32.mul', [a, b]);
  const plus = (a: Expr, b: Expr) => op('f32.add', [a, b]);
  const clip = Math.fround(k.site.attrs.cellClip);
  return {
    gate: (gate, a, b) => (gate === 'cell' ? tanh : logistic)(plus(a, b)),
    cell(forget, input, candidate, cell) {
      const sum = plus(times(forget, cell), times(input, candidate));
      return clip > 0 ? op('f32.max', [op('f32.min', [f32(clip), sum]), f32(-clip)]) : sum;
    },
    hidden: (output, cell) => times(tanh(cell), output),
  };
}

/** a * b * factor, for a and b of 16 bits and factors under 1. */
function scaledProduct(a: Expr, b: Expr, { multiplier, shift }: Multiplier): Expr {
  const product = op('i32.mul', [a, b]);
  const shifted = shift > 0 ? op('i32.shl', [product, shift]) : product;
  const scaled = op('i32.sqrdmulh', [shifted, multiplier]);
  return shift < 0 ? op('i32.rdivpot', [scaled, -shift]) : scaled;
}

function fixedCode(k: KernelBuilder<'lstm'>, scales: LstmScales): LstmCode {
  const table = k.rom('sigmoid', 'u16', SIGMOID_TABLE);
  const algebra = loopAlgebra(k);
  const at = (index: Expr) => table.at(index);
  const to16 = (x: Expr) => op('i32.ssat', [x], [16]);
  const { cellClip, hiddenZeroPoint } = scales;
  const [low, high] = integerRange(k.site.outputs[0].dtype);
  return {
    gate: (gate, a, b) =>
      (gate === 'cell' ? tanh16 : logistic16)(algebra, k.let('sum', to16(add(a, b))), scales.gate, at),
    cell(forget, input, candidate, cell) {
      const kept = to16(scaledProduct(forget, cell, scales.forgetTimesCell));
      const added = to16(scaledProduct(input, candidate, scales.inputTimesCell));
      const sum = to16(add(kept, added));
      return cellClip > 0 ? max(min(cellClip, sum), -cellClip) : sum;
    },
    hidden(output, cell) {
      const raised = k.let('raised', tanh16(algebra, cell, scales.cellToTanh, at));
      const scaled = scaledProduct(raised, output, scales.outputTimesTanh);
      return clampTo(hiddenZeroPoint === 0 ? scaled : op('i32.add_wrap', [scaled, i32(hiddenZeroPoint)]), low, high);
    },
  };
}

/** Spells the sum of both products of a gate for one unit. */
type GateCode = (gate: number, unit: Expr, xStart: Expr, hiddenStart: Expr) => readonly [Expr, Expr];

function gateCode(k: KernelBuilder<'lstm'>, g: LstmGeometry, scales: LstmScales | undefined, hidden: Buffer): GateCode {
  const at = LSTM_OPERANDS;
  const { inputs } = k.site;
  const common = { rows: g.units, accumulator: scales?.accumulator ?? 'i32' } as const;
  const x = k.input(at.x, 'x');
  const products = GATES.map((gate, i) => ({
    w: k.input(at.inputWeights + i, `w_${gate}`),
    r: k.input(at.recurrentWeights + i, `r_${gate}`),
    fromInput: rowsMac(k, {
      ...common,
      x: inputs[at.x],
      weights: at.inputWeights + i,
      bias: at.bias + i,
      depth: g.features,
      stage: scales?.fromInput[i],
    }),
    fromHidden: rowsMac(k, {
      ...common,
      x: inputs[at.hidden],
      weights: at.recurrentWeights + i,
      depth: g.units,
      stage: scales?.fromHidden[i],
    }),
  }));
  return (gate, unit, xStart, hiddenStart) => {
    const { w, r, fromInput, fromHidden } = products[gate];
    const a = dot(k, fromInput, unit, [x, xStart], [w, mul(unit, g.features)], g.features);
    const b = dot(k, fromHidden, unit, [hidden, hiddenStart], [r, mul(unit, g.units)], g.units);
    return [a, b];
  };
}

const lstmDirect: Kernel<'lstm'> = {
  name: 'lstm',
  doc:
    'for each batch and step: for each unit: four gates of two dot products each, then the cell and, in scratch memory, the ' +
    'hidden state, which replaces the old one when all units are done. The states are worked on where the next ones lie.',
  applies: () => true,
  inPlace: () => [
    [LSTM_OPERANDS.hidden, 1],
    [LSTM_OPERANDS.cell, 2],
  ],
  build(k) {
    const { inputs, outputs, attrs } = k.site;
    const g = lstmGeometry(inputs, attrs);
    const scales = outputs[0].dtype === 'f32' ? undefined : lstmScales(inputs, attrs);
    const givenHidden = k.input(LSTM_OPERANDS.hidden, 'given_hidden');
    const givenCell = k.input(LSTM_OPERANDS.cell, 'given_cell');
    const y = k.output(0, 'y');
    const hidden = k.output(1, 'hidden');
    const cell = k.output(2, 'cell');
    const fresh = k.scratch('fresh', y.param.elem, g.units);
    const gate = gateCode(k, g, scales, hidden);
    const code = scales === undefined ? floatCode(k) : fixedCode(k, scales);
    k.for('i', 0, g.batch * g.units, (i) => {
      k.store(hidden, i, givenHidden.at(i));
      k.store(cell, i, givenCell.at(i));
    });
    k.forAll(['b', 'step'], [g.batch, g.steps], ([b, step]) => {
      const vector = k.let(
        'vector',
        affine([
          [b, g.batchStride],
          [step, g.stepStride],
        ]),
      );
      const xStart = k.let('xp', mul(vector, g.features));
      const state = k.let('hp', mul(b, g.units));
      k.for('unit', 0, g.units, (unit) => {
        const [input, forget, candidate, output] = GATES.map((name, i) =>
          k.let(`${name}_gate`, code.gate(name, ...gate(i, unit, xStart, state))),
        );
        const place = add(state, unit);
        const value = k.let('c', code.cell(forget, input, candidate, cell.at(place)));
        k.store(cell, place, value);
        k.store(fresh, unit, code.hidden(output, value));
      });
      k.for('u', 0, g.units, (unit) => {
        k.store(hidden, add(state, unit), fresh.at(unit));
        k.store(y, affine([[vector, g.units]], unit), fresh.at(unit));
      });
    });
  },
};

export const RECURRENT_KERNELS = { svdf: [svdfDirect], lstm: [lstmDirect] } as const;
