/** SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM, invoked several times in a row: what they answer depends on their state. */
import type { OpCase, Reference } from '../../../support/opcases.ts';
import { opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import { Random } from '../../../support/tflite/random.ts';

const variable = (base: Tensor): Tensor => ({ ...base, isVariable: true });

interface SvdfSpec {
  readonly batch?: number;
  readonly inputs?: number;
  readonly units?: number;
  readonly rank?: number;
  readonly memory?: number;
  readonly state?: 'i16' | 'i8';
  readonly activation?: 'NONE' | 'RELU' | 'RELU6';
  readonly noBias?: boolean;
  readonly runs?: number;
}

function svdfSizes(spec: SvdfSpec) {
  const { batch = 1, inputs = 6, units = 4, rank = 2, memory = 5 } = spec;
  return { batch, inputs, units, rank, memory, filters: units * rank };
}

function svdfFloat(name: string, spec: SvdfSpec): OpCase {
  const { batch, inputs, units, rank, memory, filters } = svdfSizes(spec);
  const random = new Random(`svdf float ${name}`);
  // tflite-micro ends with a segmentation fault when the bias is absent.
  const reference: Reference = spec.noBias ? 'tflite' : 'tflm';
  const weights = (shape: readonly [number, number]): Tensor => ({
    type: 'f32',
    shape,
    data: random.floats(shape[0] * shape[1], -1, 1),
  });
  const bias: Tensor = { type: 'f32', shape: [units], data: random.floats(units, -1, 1) };
  return opCase(
    `svdf f32 ${name}`,
    'SVDF',
    [
      tensor('f32', [batch, inputs]),
      weights([filters, inputs]),
      weights([filters, memory]),
      spec.noBias ? null : bias,
      variable(tensor('f32', [batch, memory * filters])),
    ],
    [tensor('f32', [batch, units])],
    { options: { rank, fused_activation_function: spec.activation ?? 'NONE' }, runs: spec.runs ?? 8, reference },
  );
}

/** Deviations (of stored values) behind the scales: inputs 74, feature weights 73, states and time weights as below. */
const SVDF_STATE = {
  i16: { state: 6000, time: 1700, timeLimit: 3000 },
  i8: { state: 45, time: 73, timeLimit: 127 },
} as const;

function svdf(name: string, spec: SvdfSpec): OpCase {
  const { batch, inputs, units, rank, memory, filters } = svdfSizes(spec);
  const type = spec.state ?? 'i16';
  const deviations = SVDF_STATE[type];
  const random = new Random(`svdf ${name}`);
  const inputScale = 0.05;
  const featureScale = 0.01;
  const stateScale = Math.fround((Math.sqrt(inputs) * 74 * 73 * inputScale * featureScale) / deviations.state);
  const timeScale = 0.001;
  const sum = Math.sqrt(memory * rank) * deviations.state * deviations.time;
  const outputScale = Math.fround((sum * stateScale * timeScale) / 50);
  const biasLimit = Math.round(sum / 2);
  const feature: Tensor = {
    ...tensor('i8', [filters, inputs], featureScale),
    data: random.ints(filters * inputs, -127, 127),
  };
  const time: Tensor = {
    ...tensor(type, [filters, memory], timeScale),
    data: random.ints(filters * memory, -deviations.timeLimit, deviations.timeLimit),
  };
  const bias: Tensor = {
    ...tensor('i32', [units], Math.fround(stateScale * timeScale)),
    data: random.ints(units, -biasLimit, biasLimit),
  };
  const state = variable(tensor(type, [batch, memory * filters], stateScale));
  return opCase(
    `svdf i8 state ${type} ${name}`,
    'SVDF',
    [tensor('i8', [batch, inputs], inputScale, -7), feature, time, bias, state],
    [tensor('i8', [batch, units], outputScale, 5)],
    { options: { rank, fused_activation_function: spec.activation ?? 'RELU' }, runs: spec.runs ?? 8 },
  );
}

const svdfs = [
  ...(['i16', 'i8'] as const).flatMap((state) => [
    svdf('rank 2', { state }),
    svdf('rank 1', { state, rank: 1 }),
    svdf('no activation', { state, activation: 'NONE' }),
    svdf('batch 2', { state, batch: 2 }),
    svdf('memory 1', { state, memory: 1, runs: 3 }),
    svdf('long memory', { state, memory: 12, runs: 15 }),
    svdf('one unit', { state, units: 1, rank: 3 }),
  ]),
  svdfFloat('rank 2', {}),
  svdfFloat('rank 1 relu', { rank: 1, activation: 'RELU' }),
  svdfFloat('batch 2 no bias', { batch: 2, noBias: true }),
];

interface LstmSpec {
  readonly type: 'i8' | 'i16' | 'f32';
  readonly batch?: number;
  readonly steps?: number;
  readonly inputs?: number;
  readonly cells?: number;
  readonly timeMajor?: boolean;
  readonly cellClip?: number;
  /** The cell state's scale is 2^-power. */
  readonly cellPower?: number;
  readonly hiddenZeroPoint?: number;
  readonly runs?: number;
  /** The five inner tensors that converters list; they carry quantization only. */
  readonly intermediates?: boolean;
}

function lstm(name: string, spec: LstmSpec): OpCase {
  const { type, batch = 1, steps = 3, inputs = 5, cells = 4, timeMajor = false, runs = 3 } = spec;
  const random = new Random(`lstm ${type} ${name}`);
  const shape = timeMajor ? [steps, batch] : [batch, steps];
  const unit = type === 'i16' ? 1 / 32768 : 1 / 128;
  const inputZeroPoint = type === 'i8' ? -7 : 0;
  const hiddenZeroPoint = type === 'i8' ? (spec.hiddenZeroPoint ?? 5) : 0;
  const quantized = (dims: readonly number[], zeroPoint: number) =>
    type === 'f32' ? tensor(type, dims) : tensor(type, dims, unit, zeroPoint);
  const weights = (columns: number): Tensor => {
    if (type === 'f32') return { type, shape: [cells, columns], data: random.floats(cells * columns, -1.5, 1.5) };
    const scale = random.float(0.01, 0.02);
    return { ...tensor('i8', [cells, columns], Math.fround(scale)), data: random.ints(cells * columns, -127, 127) };
  };
  const gates = (columns: number) => Array.from({ length: 4 }, () => weights(columns));
  const inputWeights = gates(inputs);
  const recurrentWeights = gates(cells);
  const biases = inputWeights.map((w): Tensor => {
    if (type === 'f32') return { type, shape: [cells], data: random.floats(cells, -1, 1) };
    const scale = Math.fround(unit * w.scale![0]);
    const limit = Math.round(1 / scale);
    return { ...tensor(type === 'i8' ? 'i32' : 'i64', [cells], scale), data: random.ints(cells, -limit, limit) };
  });
  const none = (count: number): null[] => Array.from({ length: count }, () => null);
  const cellState =
    type === 'f32' ? tensor(type, [batch, cells]) : tensor('i16', [batch, cells], 2 ** -(spec.cellPower ?? 11));
  return opCase(
    `lstm ${type} ${name}`,
    'UNIDIRECTIONAL_SEQUENCE_LSTM',
    [
      quantized([...shape, inputs], inputZeroPoint),
      ...inputWeights,
      ...recurrentWeights,
      ...none(3),
      ...biases,
      ...none(2),
      variable(quantized([batch, cells], hiddenZeroPoint)),
      variable(cellState),
      ...none(4),
    ],
    [quantized([...shape, cells], hiddenZeroPoint)],
    {
      options: {
        fused_activation_function: 'TANH',
        time_major: timeMajor,
        ...(spec.cellClip === undefined ? {} : { cell_clip: spec.cellClip }),
      },
      runs,
      ...(spec.intermediates
        ? {
            intermediates: [
              ...Array.from({ length: 4 }, () => tensor('i16', [0], 1 / 4096)),
              quantized([0], hiddenZeroPoint),
            ],
          }
        : {}),
    },
  );
}

const lstms = (['i8', 'i16', 'f32'] as const).flatMap((type) => [
  lstm('batch major', { type }),
  lstm('time major', { type, timeMajor: true }),
  lstm('batch 2', { type, batch: 2 }),
  lstm('batch 2 time major', { type, batch: 2, timeMajor: true }),
  lstm('cell clip', { type, cellClip: 0.5 }),
  lstm('one step', { type, steps: 1, runs: 6 }),
  lstm('one cell', { type, cells: 1 }),
  lstm('many steps', { type, steps: 12, cells: 3, runs: 2 }),
]);
const moreLstms = [
  lstm('cell state power 9', { type: 'i8', cellPower: 9 }),
  lstm('cell state power 14', { type: 'i8', cellPower: 14 }),
  lstm('hidden zero point -30', { type: 'i8', hiddenZeroPoint: -30 }),
  lstm('intermediates', { type: 'i8', intermediates: true }),
  lstm('cell state power 13', { type: 'i16', cellPower: 13 }),
];

export const cases: readonly OpCase[] = [...svdfs, ...lstms, ...moreLstms];
