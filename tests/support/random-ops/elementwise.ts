// Random nodes whose results depend on the operands at the same place only.
import type { DType, TensorType } from '../../../ir/tensor/types.ts';
import { ACTIVATIONS, defaultQuant, type Proposal, type Propose, type Request, slot } from './request.ts';

/** A type that broadcasts to the shape: fewer axes or extents of 1, at times scaled just like `x`. */
function partner({ r, x }: Request, dtype: DType): TensorType {
  const shape = r.chance(0.3) ? x.shape.slice(r.int(0, x.shape.length)) : x.shape;
  const quant = dtype === x.dtype && r.chance(0.3) ? x.quant : defaultQuant(r, dtype);
  return { dtype, shape: shape.map((extent) => (r.chance(0.2) ? 1 : extent)), quant };
}

const pair: Propose = (request) => ({
  operands: [{ type: request.x }, { type: partner(request, slot(request.signature, 1) as DType) }],
  attrs: {},
});

const arithmetic: Propose = (request) => ({
  operands: [{ type: request.x }, { type: partner(request, slot(request.signature, 1) as DType) }],
  attrs: { activation: request.r.pick(ACTIVATIONS) },
});

const select: Propose = (request) => {
  const dtype = slot(request.signature, 1) as DType;
  return {
    operands: [{ type: request.x }, { type: partner(request, dtype) }, { type: partner(request, dtype) }],
    attrs: {},
  };
};

const unary: Propose = ({ x }) => ({ operands: [{ type: x }], attrs: {} });

/** A function whose integer forms have one output scale each. */
function scaledTo(outputs: Partial<Record<DType, readonly [scale: number, zeroPoint: number]>>): Propose {
  return ({ x }) => {
    const fixed = outputs[x.dtype];
    if (fixed === undefined) return { operands: [{ type: x }], attrs: {} };
    return {
      operands: [{ type: x }],
      attrs: {},
      quant: { kind: 'affine', scale: [fixed[0]], zeroPoint: [fixed[1]] },
    };
  };
}

const leaky_relu: Propose = ({ r, x }) => ({ operands: [{ type: x }], attrs: { alpha: r.int(-10, 30) / 20 } });

const elu: Propose = ({ r, x }) => ({
  operands: [{ type: x }],
  attrs: r.chance(0.5) ? { alpha: r.int(-10, 30) / 20 } : {},
});

/** Sometimes by the rules of ONNX. */
const quotient: Propose = (request) => {
  const { operands, attrs } = arithmetic(request) as Proposal;
  const isOnnx = request.r.chance(0.5);
  return { operands, attrs: isOnnx ? { ...attrs, semantics: 'onnx' } : attrs };
};

const extremum: Propose = (request) => ({
  ...(pair(request) as Proposal),
  attrs: request.r.chance(0.5) ? { semantics: 'onnx' } : {},
});

export const ELEMENTWISE = {
  add: arithmetic,
  sub: arithmetic,
  mul: arithmetic,
  div: quotient,
  squared_difference: pair,
  minimum: extremum,
  maximum: extremum,
  truncated_mod: pair,
  floor_mod: pair,
  bitwise_and: pair,
  bitwise_or: pair,
  bitwise_xor: pair,
  bitwise_not: unary,
  shift_left: pair,
  shift_right: pair,
  equal: pair,
  not_equal: pair,
  less: pair,
  less_equal: pair,
  greater: pair,
  greater_equal: pair,
  logical_and: pair,
  logical_or: pair,
  logical_xor: pair,
  select,
  relu: unary,
  relu6: unary,
  relu_n1_to_1: unary,
  leaky_relu,
  prelu: pair,
  elu,
  hard_swish: unary,
  logistic: scaledTo({ i8: [1 / 256, -128], u8: [1 / 256, 0], i16: [1 / 32768, 0] }),
  tanh: scaledTo({ i8: [1 / 128, 0], i16: [1 / 32768, 0] }),
  exp: unary,
  log: unary,
  sqrt: unary,
  rsqrt: unary,
  square: unary,
  abs: unary,
  neg: unary,
  sin: unary,
  cos: unary,
  tan: unary,
  asin: unary,
  acos: unary,
  atan: unary,
  sinh: unary,
  cosh: unary,
  asinh: unary,
  acosh: unary,
  atanh: unary,
  erf: unary,
  softplus: unary,
  sign: unary,
  pow: pair,
  floor: unary,
  ceil: unary,
  round: unary,
  logical_not: unary,
} satisfies Record<string, Propose>;
