// Random layers with state.
import { NO_QUANT, type Quant, type TensorType } from '../../../ir/tensor/types.ts';
import { ACTIVATIONS, defaultQuant, type Operand, ofRank, type Propose, type Request, slot } from './request.ts';

const affine = (scale: number, zeroPoint = 0): Quant => ({
  kind: 'affine',
  scale: [Math.fround(scale)],
  zeroPoint: [zeroPoint],
});

/** Constant weights whose products mostly stay within what the next step can hold. */
function weights({ signature }: Request, input: number, shape: readonly number[]): Operand {
  const dtype = signature.inputs[input]?.dtype as TensorType['dtype'];
  return { type: { dtype, shape, quant: dtype === 'f32' ? NO_QUANT : affine(0.013) }, constant: true };
}

/** A bias, for which the node needs no scale. */
function bias({ signature }: Request, input: number, count: number): Operand {
  const dtype = signature.inputs[input]?.dtype as TensorType['dtype'];
  return { type: { dtype, shape: [count], quant: NO_QUANT }, constant: true };
}

const svdf: Propose = (request) => {
  const { r, signature } = request;
  const x = ofRank(request, 2);
  const [batch, features] = x.shape as [number, number];
  const [rank, units, memory] = [r.int(1, 3), r.int(1, 4), r.int(1, 5)];
  const filters = rank * units;
  const stateType = slot(signature, 3) as TensorType['dtype'];
  const stateQuant = defaultQuant(r, stateType);
  const state = { dtype: stateType, shape: [batch, memory * filters], quant: stateQuant };
  return {
    operands: [
      { type: x },
      weights(request, 1, [filters, features]),
      weights(request, 2, [filters, memory]),
      { type: state },
      ...(r.chance(0.3) ? [] : [bias(request, 4, units)]),
    ],
    attrs: { rank, activation: x.dtype === 'f32' ? r.pick(ACTIVATIONS) : 'none' },
    quants: [defaultQuant(r, x.dtype), stateQuant],
  };
};

const lstm: Propose = (request) => {
  const { r } = request;
  const x = ofRank(request, 3);
  const [first, second, features] = x.shape as [number, number, number];
  const timeMajor = r.chance(0.5);
  const batch = timeMajor ? second : first;
  const units = r.int(1, 4);
  const hiddenQuant = defaultQuant(r, x.dtype);
  const cellQuant = x.dtype === 'f32' ? NO_QUANT : affine(2 ** r.int(-15, 0));
  const gates = (make: (gate: number) => Operand) => [0, 1, 2, 3].map(make);
  return {
    operands: [
      { type: x },
      ...gates((gate) => weights(request, 1 + gate, [units, features])),
      ...gates((gate) => weights(request, 5 + gate, [units, units])),
      ...gates((gate) => bias(request, 9 + gate, units)),
      { type: { dtype: x.dtype, shape: [batch, units], quant: hiddenQuant } },
      { type: { dtype: x.dtype === 'f32' ? 'f32' : 'i16', shape: [batch, units], quant: cellQuant } },
    ],
    attrs: { timeMajor, cellClip: r.chance(0.3) ? 0.5 : 0 },
    quants: [hiddenQuant, hiddenQuant, cellQuant],
  };
};

export const RECURRENT = { svdf, lstm } satisfies Record<string, Propose>;
