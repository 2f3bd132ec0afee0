/** Kernels of functions of one element. */
import { f32, i32, mul, op, sub } from '../../../ir/loop/build.ts';
import type { Opcode } from '../../../ir/loop/instructions.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import {
  interpolate,
  inverseSqrt,
  logistic16,
  SIGMOID_TABLE,
  sigmoidScale,
  tanh16,
} from '../../../ir/tensor/fixed-math.ts';
import { type Activation, activationBounds, type Multiplier } from '../../../ir/tensor/fixed-point.ts';
import type { FloatFunctionName } from '../../../ir/tensor/float-math.ts';
import { opRecord } from '../../../ir/tensor/ops/index.ts';
import { preluFactors } from '../../../ir/tensor/ops/prelu.ts';
import type { OutputStage } from '../../../ir/tensor/ops/shared.ts';
import {
  absStage,
  type EluAttrs,
  EXACT_SCALES,
  expTable,
  type LeakyReluAttrs,
  leakyStages,
  RSQRT_BITS,
  relu6Bounds,
  reluStage,
  rsqrtMultiplier,
  type UnaryOp,
} from '../../../ir/tensor/ops/unary.ts';
import {
  affineOf,
  DTYPE_FACTS,
  elementCount,
  integerRange,
  newData,
  type TensorType,
} from '../../../ir/tensor/types.ts';
import { loopAlgebra, useFloatFunction } from '../algebra.ts';
import { buildElementwise, replaceable, spreadInput } from '../elementwise.ts';
import { elemOf, type Kernel, type KernelBuilder, type Site } from '../kernel.ts';
import { forElements } from '../lanes.ts';
import { elementwiseOverlap } from '../overlap.ts';
import { activateFloatExpr, clampTo, requantizer } from '../requantize.ts';

type Builder = KernelBuilder<UnaryOp>;
/** Spells what one stored value becomes. */
type Element = (x: Expr) => Expr;

function typesOf({ site }: Builder): readonly [TensorType, TensorType] {
  return [site.inputs[0], site.outputs[0]] as [TensorType, TensorType];
}

const inPlace = (site: Site<UnaryOp>) => replaceable(site as unknown as Site);
const overlap = (site: Site<UnaryOp>) => elementwiseOverlap(site as unknown as Site);

/** The op's own evaluation of every 8-bit value. */
function tableOf({ op: name, attrs, inputs, outputs }: Site<UnaryOp>) {
  const [x, y] = [inputs[0], outputs[0]] as [TensorType, TensorType];
  const [low, high] = integerRange(x.dtype);
  const data = newData(x.dtype, high - low + 1);
  data.forEach((_, i) => {
    data[i] = low + i;
  });
  const shape = [data.length];
  const [table] = opRecord(name).evaluate({
    inputs: [{ type: { ...x, shape }, data }],
    outputs: [{ ...y, shape }],
    attrs,
  });
  return { low, table: table as NonNullable<typeof table> };
}

function tableKernel<K extends UnaryOp>(name: K): Kernel<K> {
  return {
    name: `${name}_table`,
    doc: 'for each element: y = table[x], a table of every stored value in flash. Two pointers.',
    applies: ({ inputs }) =>
      DTYPE_FACTS[(inputs[0] as TensorType).dtype].bits === 8 || 'only 8-bit elements are looked up whole',
    inPlace: (site) => inPlace(site as Site<UnaryOp>),
    overlap: (site) => overlap(site as Site<UnaryOp>),
    build(builder) {
      const k = builder as unknown as Builder;
      const [x, y] = typesOf(k);
      const { low, table } = tableOf(k.site);
      const from = k.input(0, 'x');
      const values = k.rom('table', elemOf(y), table);
      const to = k.output(0, 'y');
      k.for('i', 0, elementCount(x.shape), (i) => k.store(to, i, values.at(sub(from.at(i), low))));
    },
  };
}

function elementKernel<K extends UnaryOp>(name: K, elementOf: (k: Builder) => Element): Kernel<K> {
  return {
    name,
    doc: 'for each element: y = f(x), computed; float32 by fours where there are vectors. Two pointers and the temporaries of f.',
    applies: () => true,
    inPlace: (site) => inPlace(site as Site<UnaryOp>),
    overlap: (site) => overlap(site as Site<UnaryOp>),
    build(builder) {
      const k = builder as unknown as Builder;
      const [x] = typesOf(k);
      const from = k.input(0, 'x');
      const element = elementOf(k);
      const to = k.output(0, 'y');
      forElements(k as unknown as KernelBuilder, elementCount(x.shape), [from.at], { y: to, first: 0 }, ([value]) =>
        element(k.let('x', value as Expr)),
      );
    },
  };
}

/** f32 by one function, other types (int16 mostly) by another. */
function typed(float: (k: Builder) => Element, integer: (k: Builder) => Element): (k: Builder) => Element {
  return (k) => (typesOf(k)[0].dtype === 'f32' ? float(k) : integer(k));
}

const instruction = (name: Opcode) => (): Element => (x) => op(name, [x]);
const library = (name: FloatFunctionName) => (k: Builder) => useFloatFunction(k, name);

const activated = (activation: Activation) => (): Element => (x) =>
  activateFloatExpr(x, activationBounds(activation), f32);

/** An int16 minus zero point (0) through an output stage. */
function staged(k: Builder, stage: OutputStage): Element {
  const tail = requantizer(k, stage, 'i32', false);
  return (x) => tail.apply(x, 0);
}

function reluInteger(k: Builder): Element {
  const [x, y] = typesOf(k);
  return staged(k, reluStage(x, y, 'relu'));
}

function relu6Integer(k: Builder): Element {
  const [zero, six] = relu6Bounds(typesOf(k)[0]);
  return (x) => clampTo(x, zero, six);
}

function leakyFloat(k: Builder): Element {
  const { alpha } = k.site.attrs as LeakyReluAttrs;
  return (x) => op('f32.select', [op('f32.gt', [x, f32(0)]), x, op('f32.mul', [x, f32(alpha)])]);
}

/** Beside 1 an alpha multiplies what is negative. */
function eluFloat(k: Builder): Element {
  const f = useFloatFunction(k, 'elu');
  const { alpha = 1 } = k.site.attrs as EluAttrs;
  if (alpha === 1) return f;
  return (x) => {
    const y = k.let('elu', f(x));
    return op('f32.select', [op('f32.lt', [x, f32(0)]), op('f32.mul', [y, f32(alpha)]), y]);
  };
}

function leakyInteger(k: Builder): Element {
  const [x, y] = typesOf(k);
  const { positive, negative, negate } = leakyStages(x, y, (k.site.attrs as LeakyReluAttrs).alpha);
  const above = staged(k, positive);
  const below = requantizer(k, { ...negative, zeroPoint: 0, low: -(2 ** 31), high: 2 ** 31 - 1 }, 'i32', false);
  const [low, high] = integerRange(y.dtype);
  return (value) => {
    const result = k.variable('result', i32(0));
    const real = k.let('real', sub(value, affineOf(x).zeroPoint));
    k.if(
      op('i32.ge_s', [real, 0]),
      () => k.set(result, above(real)),
      () => {
        const scaled = below.apply(real, 0);
        const signed = negate ? op('i32.sub_wrap', [0, scaled]) : scaled;
        k.set(result, clampTo(op('i32.add_wrap', [signed, negative.zeroPoint]), low, high));
      },
    );
    return result.value;
  };
}

function hardSwish(): Element {
  return (x) => {
    const gate = activateFloatExpr(op('f32.add', [x, f32(3)]), activationBounds('relu6'), f32);
    return op('f32.div', [op('f32.mul', [x, gate]), f32(6)]);
  };
}

const sigmoid =
  (name: 'logistic' | 'tanh') =>
  (k: Builder): Element => {
    const scale = sigmoidScale(affineOf(typesOf(k)[0]).scale, EXACT_SCALES[name]);
    const table = k.rom('sigmoid', 'u16', SIGMOID_TABLE);
    const f = name === 'logistic' ? logistic16 : tanh16;
    return (x) => f(loopAlgebra(k), x, scale, (index) => table.at(index));
  };

function expInteger(k: Builder): Element {
  const table = k.rom('exp_table', 'i16', expTable(...typesOf(k)));
  return (x) => interpolate(loopAlgebra(k), x, (index) => table.at(index));
}

function absInteger(k: Builder): Element {
  const [x, y] = typesOf(k);
  const isPlain = x.quant.kind === 'none' || x.dtype === 'i32';
  const stage = isPlain ? undefined : absStage(x, y);
  const tail = stage === undefined ? undefined : staged(k, stage);
  return (value) => {
    const magnitude = op('i32.max_s', [value, op('i32.sub_wrap', [0, value])]);
    if (isPlain) return magnitude;
    return tail === undefined ? clampTo(magnitude, ...integerRange(y.dtype)) : tail(magnitude);
  };
}

function rsqrtInteger(k: Builder): Element {
  const [x, y] = typesOf(k);
  const [low, high] = integerRange(y.dtype);
  const stage = {
    multipliers: [rsqrtMultiplier(x, y)],
    scales: [],
    zeroPoint: 0,
    low,
    high,
    rounding: 'double',
  } as const;
  const tail = staged(k, stage);
  return (value) => {
    const { multiplier, rightShift } = inverseSqrt(loopAlgebra(k), value);
    const left = op('i32.and', [op('i32.sub_wrap', [RSQRT_BITS, rightShift]), 31]);
    const inverse = op('i32.sqrdmulh', [op('i32.shl', [1, left]), multiplier]);
    return op('i32.select', [op('i32.gt_s', [value, 0]), tail(inverse), high]);
  };
}

/** The kernel of an op that has no 8-bit quantized form. */
function withoutTable<K extends UnaryOp>(name: K, float: (k: Builder) => Element) {
  return { [name]: [elementKernel(name, float)] } as unknown as { readonly [N in K]: readonly Kernel<N>[] };
}

function withTable<K extends UnaryOp>(name: K, float: (k: Builder) => Element, integer = float) {
  const kernels = [tableKernel(name), elementKernel(name, typed(float, integer))];
  return { [name]: kernels } as unknown as { readonly [N in K]: readonly Kernel<N>[] };
}

function preluElement(k: KernelBuilder<'prelu'>): (x: Expr, slope: Expr) => Expr {
  const [x, alpha] = k.site.inputs as [TensorType, TensorType];
  const y = k.site.outputs[0] as TensorType;
  if (x.dtype === 'f32') {
    return (value, slope) => op('f32.select', [op('f32.ge', [value, f32(0)]), value, op('f32.mul', [value, slope])]);
  }
  const factors = preluFactors(x, alpha, y);
  const [low, high] = integerRange(y.dtype);
  const tail = (multiplier: Multiplier) => {
    const stage = {
      multipliers: [multiplier],
      scales: [],
      zeroPoint: affineOf(y).zeroPoint,
      low,
      high,
      rounding: 'double',
    } as const;
    return requantizer(k, stage, 'i32', false);
  };
  const [above, below] = [tail(factors.identity), tail(factors.slope)];
  return (value, slope) => {
    const real = k.let('real', sub(value, affineOf(x).zeroPoint));
    const result = k.variable('result', i32(0));
    k.if(
      op('i32.ge_s', [real, 0]),
      () => k.set(result, above.apply(real, 0)),
      () => k.set(result, below.apply(mul(real, sub(slope, affineOf(alpha).zeroPoint)), 0)),
    );
    return result.value;
  };
}

const prelu: Kernel<'prelu'> = {
  name: 'prelu',
  doc: 'for each element: y = x or x times its slope, rescaled. Loops over the dimensions along which slopes repeat.',
  applies: () => true,
  inPlace: (site) => replaceable(site as unknown as Site).filter(([input]) => input === 0),
  build(k) {
    const operands = [spreadInput(k, 0, 'x'), spreadInput(k, 1, 'alpha')];
    const element = preluElement(k);
    buildElementwise(k, operands, k.output(0, 'y'), { combine: ([x, slope]) => element(x as Expr, slope as Expr) });
  },
};

export const UNARY_KERNELS = {
  ...withTable('relu', activated('relu'), reluInteger),
  ...withTable('relu6', activated('relu6'), relu6Integer),
  ...withTable('relu_n1_to_1', activated('relu_n1_to_1')),
  ...withTable('leaky_relu', leakyFloat, leakyInteger),
  prelu: [prelu],
  ...withTable('elu', eluFloat),
  ...withTable('hard_swish', hardSwish),
  ...withTable('logistic', library('logistic'), sigmoid('logistic')),
  ...withTable('tanh', library('tanh'), sigmoid('tanh')),
  ...withTable('exp', library('exp'), expInteger),
  ...withoutTable('log', library('log')),
  ...withoutTable('sqrt', instruction('f32.sqrt')),
  ...withTable('rsqrt', () => (x) => op('f32.div', [f32(1), op('f32.sqrt', [x])]), rsqrtInteger),
  ...withoutTable('square', () => (x) => op('f32.mul', [x, x])),
  ...withTable('abs', instruction('f32.abs'), absInteger),
  ...withoutTable(
    'neg',
    typed(instruction('f32.neg'), () => (x) => op('i32.sub_wrap', [0, x])),
  ),
  ...withoutTable('sin', library('sin')),
  ...withoutTable('cos', library('cos')),
  ...withoutTable('floor', instruction('f32.floor')),
  ...withoutTable('ceil', instruction('f32.ceil')),
  ...withoutTable('round', instruction('f32.nearest')),
  ...withoutTable('logical_not', () => (x) => op('i32.eq', [x, 0])),
} as const;
