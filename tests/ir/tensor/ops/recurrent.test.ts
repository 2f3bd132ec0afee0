import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { opRecord } from '../../../../ir/tensor/ops/index.ts';
import { NO_QUANT, type Tensor, type TensorData, type TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluationFault } from '../../../support/cases.ts';
import { Random } from '../../../support/random.ts';

const suite = makeSuite('recurrent ops');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/recurrent.test.ts';

suite('every recorded answer of the reference kernels: integers to the byte, floats but for exp and tanh', async () => {
  const cases = await casesOf(['state']);
  const faults = cases.flatMap((loaded) => {
    // The reference calls a libm for logistic and tanh; every step of the recurrence hands its last bits on.
    const fault = evaluationFault(loaded, { relative: 1e-6, absolute: 2e-7 });
    return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
  });
  assert.equal(faults, [], AGAIN);
  assert.ok(cases.length >= 46, `${cases.length} cases`);
});

suite('float SVDF to the byte', async () => {
  const cases = (await casesOf(['state'], ['SVDF'])).filter(({ case: { name } }) => name.includes('f32'));
  assert.is(cases.length, 3);
  for (const loaded of cases) assert.is(evaluationFault(loaded), undefined, `${loaded.case.name}: ${AGAIN}`);
});

const floats = (...shape: number[]): TensorType => ({ dtype: 'f32', shape, quant: NO_QUANT });
const tensor = (shape: number[], ...values: number[]): Tensor => ({
  type: floats(...shape),
  data: Float32Array.from(values),
});
const randomTensor = (r: Random, ...shape: number[]): Tensor =>
  tensor(shape, ...Array.from({ length: shape.reduce((p, e) => p * e, 1) }, () => r.int(-1000, 1000) / 1000));

suite('a filter sees its products of the last steps, oldest first', () => {
  const weights = [tensor([1, 1], 2), tensor([1, 3], 100, 10, 1)];
  let state = tensor([1, 3], 0, 0, 0);
  const seen: number[] = [];
  for (const x of [1, 2, 3, 4]) {
    const [y, next] = opRecord('svdf').evaluate({
      inputs: [tensor([1, 1], x), ...weights, state],
      outputs: [floats(1, 1), floats(1, 3)],
      attrs: { rank: 1, activation: 'none' },
    });
    seen.push(Number((y as TensorData)[0]));
    state = { type: state.type, data: next as TensorData };
  }
  assert.equal(seen, [2, 24, 246, 468]);
});

/** One step in double precision; `w[gate][unit]` are the weights of [x..., h..., bias]. */
function lstmStep(w: number[][][], x: number[], h: number[], c: number[], clip: number): [number[], number[]] {
  const sum = (gate: number, unit: number) =>
    [...x, ...h, 1].reduce((total, value, i) => total + value * (w[gate]?.[unit]?.[i] as number), 0);
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  const cell = c.map((old, u) => {
    const fresh = sigmoid(sum(1, u)) * old + sigmoid(sum(0, u)) * Math.tanh(sum(2, u));
    return clip > 0 ? Math.min(Math.max(fresh, -clip), clip) : fresh;
  });
  return [cell.map((value, u) => sigmoid(sum(3, u)) * Math.tanh(value)), cell];
}

for (const timeMajor of [false, true]) {
  suite(`float LSTM equals its equations, ${timeMajor ? 'time' : 'batch'} first`, () => {
    const r = new Random(5);
    const [batch, steps, features, units, cellClip] = [2, 4, 3, 2, 0.3];
    const four = (make: () => Tensor) => Array.from({ length: 4 }, make);
    const inputWeights = four(() => randomTensor(r, units, features));
    const recurrent = four(() => randomTensor(r, units, units));
    const bias = four(() => randomTensor(r, units));
    const lead = timeMajor ? [steps, batch] : [batch, steps];
    const x = randomTensor(r, ...lead, features);
    const [hidden, cell] = [randomTensor(r, batch, units), randomTensor(r, batch, units)];
    const [y, nextHidden, nextCell] = opRecord('lstm').evaluate({
      inputs: [x, ...inputWeights, ...recurrent, ...bias, hidden, cell],
      outputs: [floats(...lead, units), hidden.type, cell.type],
      attrs: { timeMajor, cellClip },
    }) as [TensorData, TensorData, TensorData];
    const part = (data: TensorData, at: number, count: number) =>
      Array.from(data.slice(at * count, (at + 1) * count), Number);
    const w = inputWeights.map((iw, gate) =>
      Array.from({ length: units }, (_, u) => [
        ...part(iw.data, u, features),
        ...part((recurrent[gate] as Tensor).data, u, units),
        ...part((bias[gate] as Tensor).data, u, 1),
      ]),
    );
    const near = (found: number[], expected: number[]) =>
      found.forEach((value, i) => {
        assert.ok(Math.abs(value - (expected[i] as number)) < 1e-6, `${value}, expected ${expected[i]}`);
      });
    for (let b = 0; b < batch; b++) {
      let [h, c] = [part(hidden.data, b, units), part(cell.data, b, units)];
      for (let t = 0; t < steps; t++) {
        const vector = timeMajor ? t * batch + b : b * steps + t;
        [h, c] = lstmStep(w, part(x.data, vector, features), h, c, cellClip);
        near(part(y, vector, units), h);
      }
      near(part(nextHidden, b, units), h);
      near(part(nextCell, b, units), c);
    }
  });
}

const quantized = (dtype: TensorType['dtype'], scale: number, zeroPoint: number, ...shape: number[]): TensorType => ({
  dtype,
  shape,
  quant: { kind: 'affine', scale: [scale], zeroPoint: [zeroPoint] },
});

function lstmTypes(cell: TensorType, hidden = quantized('i8', 2 ** -7, 0, 1, 2)): TensorType[] {
  const four = (type: TensorType) => Array.from({ length: 4 }, () => type);
  return [
    quantized('i8', 2 ** -7, 0, 1, 1, 3),
    ...four(quantized('i8', 2 ** -6, 0, 2, 3)),
    ...four(quantized('i8', 2 ** -6, 0, 2, 2)),
    ...four({ dtype: 'i32', shape: [2], quant: NO_QUANT }),
    hidden,
    cell,
  ];
}

suite('a cell state that is not in powers of two, and results that are not as the states, are refused', () => {
  const y = quantized('i8', 2 ** -7, 0, 1, 1, 2);
  const check = (cell: TensorType, hidden?: TensorType) => {
    const inputs = lstmTypes(cell, hidden);
    const outputs = [y, inputs[13] as TensorType, cell];
    return opRecord('lstm').check?.({ inputs, outputs, attrs: { timeMajor: false, cellClip: 0 } });
  };
  assert.is(check(quantized('i16', 2 ** -11, 0, 1, 2)), undefined);
  assert.match(check(quantized('i16', 0.0007, 0, 1, 2)) ?? '', /power of two/);
  assert.match(check(quantized('i16', 2 ** -11, 5, 1, 2)) ?? '', /zero point 0/);
  assert.match(check(quantized('i16', 2 ** -11, 0, 1, 2), quantized('i8', 2 ** -6, 0, 1, 2)) ?? '', /quantization of/);
});

suite('shapes that do not fit are refused', () => {
  const svdf = (rank: number, ...shapes: number[][]) =>
    opRecord('svdf').infer({
      inputs: shapes.map((shape) => floats(...shape)),
      attrs: { rank, activation: 'none' },
      constant: () => undefined,
    });
  assert.equal(svdf(2, [3, 4], [6, 4], [6, 5], [3, 30]), [
    [3, 3],
    [3, 30],
  ]);
  assert.throws(() => svdf(4, [3, 4], [6, 4], [6, 5], [3, 30]), /divide by the rank 4/);
  assert.throws(() => svdf(2, [3, 4], [6, 3], [6, 5], [3, 30]), /feature weights of shape \[6,4\]/);
  assert.throws(() => svdf(2, [3, 4], [6, 4], [6, 5], [3, 24]), /a state of 90 values/);
  assert.throws(() => svdf(2, [3, 4], [6, 4], [6, 5], [3, 30], [6]), /a bias of 3 values/);
  const types = lstmTypes(quantized('i16', 2 ** -11, 0, 1, 2));
  const lstm = (changed: TensorType, at: number) =>
    opRecord('lstm').infer({
      inputs: types.with(at, changed),
      attrs: { timeMajor: false, cellClip: 0 },
      constant: () => undefined,
    });
  assert.throws(() => lstm(quantized('i8', 1, 0, 2, 4), 3), /input weights of the cell gate of shape \[2,3\]/);
  assert.throws(() => lstm(quantized('i8', 1, 0, 3, 2), 8), /recurrent weights of the output gate/);
  assert.throws(() => lstm(quantized('i16', 1, 0, 2, 2), 14), /a cell state of 2 values/);
});

suite('integers take no activation', () => {
  const inputs = [
    quantized('i8', 1, 0, 1, 2),
    quantized('i8', 1, 0, 2, 2),
    quantized('i8', 1, 0, 2, 3),
    quantized('i8', 1, 0, 1, 6),
  ];
  const outputs = [quantized('i8', 1, 0, 1, 2), inputs[3] as TensorType];
  const check = (activation: 'none' | 'relu') =>
    opRecord('svdf').check?.({ inputs, outputs, attrs: { rank: 1, activation } });
  assert.is(check('none'), undefined);
  assert.match(check('relu') ?? '', /no activation/);
});

suite('multiply-accumulates are counted', () => {
  const svdf = [floats(3, 4), floats(6, 4), floats(6, 5), floats(3, 30)];
  assert.is(opRecord('svdf').macs?.({ inputs: svdf, outputs: [floats(3, 3)] }), 3 * 6 * (4 + 5));
  const lstm = lstmTypes(quantized('i16', 2 ** -11, 0, 1, 2));
  assert.is(opRecord('lstm').macs?.({ inputs: lstm, outputs: [floats(1, 1, 2)] }), 4 * 2 * (3 + 2));
});

suite.run();
