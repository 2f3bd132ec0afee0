/** Kernels of reductions along axes and of running sums. */
import {
  add,
  affine,
  type Buffer,
  expr,
  f32,
  f64,
  i64,
  max,
  min,
  mul,
  type Operand,
  op,
  sub,
} from '../../../ir/loop/build.ts';
import type { Opcode } from '../../../ir/loop/instructions.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { type FloatReduction, floatReduction } from '../../../ir/tensor/ops/litert.ts';
import {
  type ArgAttrs,
  CUMSUM_SHIFT,
  cumsumStage,
  type Dimension,
  extremeStart,
  meanStage,
  type ReduceLayout,
  type RunningAttrs,
  reduceLayout,
  sumStage,
} from '../../../ir/tensor/ops/reduce.ts';
import type { OutputStage } from '../../../ir/tensor/ops/shared.ts';
import { affineOf, integerRange, stridesOf, type TensorType } from '../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../kernel.ts';
import { fourOf, hasVectorForm, inLanes, LANES } from '../lanes.ts';
import { requantizer, roundedAway } from '../requantize.ts';

type AxesOp = 'sum' | 'mean' | 'reduce_max' | 'reduce_min' | 'reduce_prod';
type ArgOp = 'arg_max' | 'arg_min';

/** What one result is made of. */
interface Reducer {
  readonly start: Operand;
  step(acc: Expr, x: Expr): Expr;
  finish(acc: Expr): Expr;
}

const LANE_NUMBERS = [0, 1, 2, 3] as const;
const unchanged = (acc: Expr): Expr => acc;

/** Where the loops over `dimensions` stand, in elements. */
function offset(dimensions: readonly Dimension[], indices: readonly Expr[]): Expr {
  return affine(dimensions.map(({ stride }, i) => [indices[i] as Expr, stride] as const));
}

const names = (prefix: string, dimensions: readonly Dimension[]) => dimensions.map((_, i) => `${prefix}${i}`);
const extents = (dimensions: readonly Dimension[]) => dimensions.map(({ extent }) => extent);

/** Row-major position of a result. */
function place(kept: readonly Dimension[], indices: readonly Expr[]): Expr {
  const strides = stridesOf(extents(kept));
  return affine(indices.map((index, i) => [index, strides[i] as number] as const));
}

/**
 * Four neighbouring results at a time, each of which has its elements in order: where what is kept lies together, in the
 * lanes of a vector; where it does not, in four accumulators, none of which waits for another. Results that do not fill a
 * last four begin among those before, which are made again.
 */
function buildInLanes(
  k: KernelBuilder,
  { kept, reduced }: ReduceLayout,
  last: Dimension,
  { x, y, reducer }: { readonly x: Buffer; readonly y: Buffer; readonly reducer: Reducer },
): void {
  const outer = kept.slice(0, -1);
  const isTogether = last.stride === 1;
  k.forAll(names('i', outer), extents(outer), (indices) => {
    k.for('four', 0, Math.ceil(last.extent / LANES), (four) => {
      const index = k.let('index', op('i32.min_s', [mul(four, LANES), last.extent - LANES]));
      const first = k.let('first', offset(kept, [...indices, index]));
      const to = k.let('to', place(kept, [...indices, index]));
      const at = (inner: readonly Expr[], lane: number, access?: 'v128') =>
        x.at(add(add(first, offset(reduced, inner)), lane * last.stride), access);
      if (isTogether) {
        const acc = k.variable('acc', op('f32x4.splat', [reducer.start]));
        k.forAll(names('j', reduced), extents(reduced), (inner) => {
          const operands = [acc.value, at(inner, 0, 'v128')];
          k.set(
            acc,
            fourOf(k, operands, ([sum, value]) => reducer.step(sum as Expr, value as Expr)),
          );
        });
        k.store(
          y,
          to,
          fourOf(k, [acc.value], ([sum]) => reducer.finish(sum as Expr)),
          'v128',
        );
        return;
      }
      const sums = LANE_NUMBERS.map(() => k.variable('acc', reducer.start));
      k.forAll(names('j', reduced), extents(reduced), (inner) => {
        sums.forEach((acc, lane) => {
          k.set(acc, reducer.step(acc.value, at(inner, lane)));
        });
      });
      sums.forEach((acc, lane) => {
        k.store(y, add(to, lane), reducer.finish(acc.value));
      });
    });
  });
}

function hasLanes<K extends AxesOp>(k: KernelBuilder<K>, { step, finish }: Reducer): boolean {
  const builder = k as unknown as KernelBuilder;
  const takes = hasVectorForm(builder, 2, ([acc, x]) => step(acc as Expr, x as Expr));
  return takes && hasVectorForm(builder, 1, ([acc]) => finish(acc as Expr));
}

function buildReduce<K extends AxesOp>(
  k: KernelBuilder<K>,
  axes: readonly number[],
  makeReducer: (layout: ReduceLayout) => Reducer,
): void {
  const layout = reduceLayout((k.site.inputs[0] as TensorType).shape, axes);
  const { kept, reduced } = layout;
  const x = k.input(0, 'x');
  const reducer = makeReducer(layout);
  const y = k.output(0, 'y');
  const last = kept.at(-1);
  if (last !== undefined && inLanes(k.site as unknown as Site, last.extent) && hasLanes(k, reducer)) {
    buildInLanes(k as unknown as KernelBuilder, layout, last, { x, y, reducer });
    return;
  }
  k.forAll(names('i', kept), extents(kept), (outer) => {
    const first = k.let('first', offset(kept, outer));
    const acc = k.variable('acc', reducer.start);
    k.forAll(names('j', reduced), extents(reduced), (inner) => {
      k.set(acc, reducer.step(acc.value, x.at(add(first, offset(reduced, inner)))));
    });
    k.store(y, place(kept, outer), reducer.finish(acc.value));
  });
}

/** The sum of (x - zero point), requantized; the zero points are in what it starts from. */
function scaledSum<K extends AxesOp>(k: KernelBuilder<K>, x: TensorType, count: number, stage: OutputStage): Reducer {
  const { zeroPoint } = affineOf(x);
  const [low, high] = integerRange(x.dtype);
  const bound = count * (Math.abs(zeroPoint) + Math.max(-low, high));
  const fits = bound < 2 ** 31;
  const left = Math.max(0, ...stage.multipliers.map(({ shift }) => shift));
  const tail = requantizer(k, stage, 'i32', bound * 2 ** left < 2 ** 31 - 2 ** 17);
  return {
    start: (-zeroPoint * count) | 0,
    step: (acc, v) => op(fits ? 'i32.add' : 'i32.add_wrap', [acc, v]),
    finish: (acc) => tail.apply(acc, 0),
  };
}

const floatSum: Reducer = { start: f32(0), step: (acc, v) => op('f32.add', [acc, v]), finish: unchanged };

function floatReducer(k: KernelBuilder<'sum'> | KernelBuilder<'mean'>, stage: FloatReduction): Reducer {
  return {
    start: 0,
    step: (acc, v) => op('i32.add_wrap', [acc, v]),
    finish(acc) {
      const scaled = op('f32.mul', [op('f32.convert_i32_s', [acc]), f32(stage.scale)]);
      const moved = k.let('moved', op('f32.add', [scaled, f32(stage.offset)]));
      return roundedAway(k, op('f32.min', [op('f32.max', [moved, f32(stage.low)]), f32(stage.high)]));
    },
  };
}

function sumReducer(k: KernelBuilder<'sum'>, count: number): Reducer {
  const [x, y] = [k.site.inputs[0], k.site.outputs[0]] as [TensorType, TensorType];
  if (x.dtype === 'f32') return floatSum;
  if (x.dtype === 'i32') return { start: 0, step: (acc, v) => op('i32.add_wrap', [acc, v]), finish: unchanged };
  if (k.site.attrs.numerics === 'litert') return floatReducer(k, floatReduction(x, y, count, false));
  return scaledSum(k, x, count, sumStage(x, y));
}

function meanReducer(k: KernelBuilder<'mean'>, count: number): Reducer {
  const [x, y] = [k.site.inputs[0], k.site.outputs[0]] as [TensorType, TensorType];
  if (x.dtype === 'f32') return { ...floatSum, finish: (acc) => op('f32.div', [acc, f32(count)]) };
  if (k.site.attrs.numerics === 'litert') return floatReducer(k, floatReduction(x, y, count, true));
  if (x.dtype !== 'i32') return scaledSum(k, x, count, meanStage(x, y, count));
  return {
    start: i64(0),
    step: (acc, v) => op('i64.add', [acc, op('i64.extend_i32_s', [v])]),
    // Exact: the record bounds the count so that the sum fits into 53 bits.
    finish: (acc) => op('i32.trunc_sat_f64_s', [op('f64.div', [op('f64.convert_i64_s', [acc]), f64(count)])]),
  };
}

const sumKernel: Kernel<'sum'> = {
  name: 'sum',
  doc: 'for each result: acc = start; for the reduced axes: acc += x; requantize. One accumulator; any axes and type.',
  applies: () => true,
  build: (k) => buildReduce(k, k.site.attrs.axes, ({ count }) => sumReducer(k, count)),
};

const meanKernel: Kernel<'mean'> = {
  name: 'mean',
  doc:
    'for each result: acc = start; for the reduced axes: acc += x; divide, or requantize with the count in the factor. ' +
    'One accumulator; any axes and type.',
  applies: () => true,
  build: (k) => buildReduce(k, k.site.attrs.axes, ({ count }) => meanReducer(k, count)),
};

function extremeReducer(name: 'reduce_max' | 'reduce_min', { dtype }: TensorType): Reducer {
  const start = extremeStart(name, dtype);
  const isMax = name === 'reduce_max';
  if (dtype === 'f32') {
    return { start: f32(start), step: (acc, v) => op(isMax ? 'f32.max' : 'f32.min', [acc, v]), finish: unchanged };
  }
  return { start, step: (acc, v) => (isMax ? max(acc, v) : min(acc, v)), finish: unchanged };
}

function extremeKernel<K extends 'reduce_max' | 'reduce_min'>(name: K, word: string): Kernel<K> {
  return {
    name,
    doc: `for each result: acc = start; for the reduced axes: acc = ${word}(acc, x). One accumulator; any axes and type.`,
    applies: () => true,
    build: (k) => {
      const { attrs, inputs } = k.site as { attrs: { axes: readonly number[] }; inputs: readonly TensorType[] };
      buildReduce(k, attrs.axes, () => extremeReducer(name, inputs[0] as TensorType));
    },
  };
}

const prodKernel: Kernel<'reduce_prod'> = {
  name: 'reduce_prod',
  doc: 'for each result: acc = 1; for the reduced axes: acc *= x. One accumulator; any axes and type.',
  applies: () => true,
  build(k) {
    const isFloat = (k.site.inputs[0] as TensorType).dtype === 'f32';
    const step = (acc: Expr, v: Expr): Expr => op(isFloat ? 'f32.mul' : 'i32.mul_wrap', [acc, v]);
    buildReduce(k, k.site.attrs.axes, () => ({ start: isFloat ? f32(1) : 1, step, finish: unchanged }));
  },
};

/** The comparison after which an element takes the place of the best one before it. */
function replacing(name: ArgOp, isFloat: boolean, selectLast: boolean): Opcode {
  if (name === 'arg_max') {
    if (selectLast) return isFloat ? 'f32.ge' : 'i32.ge_s';
    return isFloat ? 'f32.gt' : 'i32.gt_s';
  }
  if (selectLast) return isFloat ? 'f32.le' : 'i32.le_s';
  return isFloat ? 'f32.lt' : 'i32.lt_s';
}

function argKernel<K extends ArgOp>(name: K): Kernel<K> {
  const word = name === 'arg_max' ? '>' : '<';
  return {
    name,
    doc:
      `for each result: best = x[0], at = 0; for i along the axis: if x[i] ${word} best (or equal, to select the last): ` +
      'best = x[i], at = i.',
    applies: () => true,
    build: (k) => {
      const { attrs, inputs } = k.site as { attrs: ArgAttrs; inputs: readonly TensorType[] };
      const { dtype, shape } = inputs[0] as TensorType;
      const { kept, reduced } = reduceLayout(shape, [attrs.axis]);
      const replaces = replacing(name, dtype === 'f32', attrs.selectLast === true);
      const x = k.input(0, 'x');
      const y = k.output(0, 'y');
      k.forAll(names('i', kept), extents(kept), (outer) => {
        const first = k.let('first', offset(kept, outer));
        const best = k.variable('best', x.at(first));
        const at = k.variable('at', 0);
        const { extent, stride } = reduced[0] ?? { extent: 1, stride: 1 };
        k.for('i', 1, extent, (i) => {
          const value = k.let('value', x.at(add(first, mul(i, stride))));
          k.if(op(replaces, [value, best.value]), () => {
            k.set(best, value);
            k.set(at, i);
          });
        });
        k.store(y, place(kept, outer), at.value);
      });
    },
  };
}

/** `take` takes in a stored value, `stored` gives what is stored for a total. */
interface Running {
  readonly start: Operand;
  take(total: Expr, x: Expr): Expr;
  stored(total: Expr): Expr;
}

function runningSum(k: KernelBuilder<'cumsum'>, extent: number): Running {
  const [x, y] = [k.site.inputs[0], k.site.outputs[0]] as [TensorType, TensorType];
  if (x.dtype === 'f32') return { start: f32(0), take: (total, v) => op('f32.add', [total, v]), stored: unchanged };
  const wrapping = (total: Expr, v: Expr): Expr => op('i32.add_wrap', [total, v]);
  if (x.dtype === 'i32') return { start: 0, take: wrapping, stored: unchanged };
  const { zeroPoint } = affineOf(x);
  // A step moves the total by at most 255.
  const exact = (total: Expr, v: Expr): Expr => op('i32.add', [total, v]);
  const tail = requantizer(k, cumsumStage(x, y), 'i32', false);
  const plus = 255 * (extent + 1) < 2 ** 31 ? exact : wrapping;
  return {
    start: -zeroPoint,
    take: (total, v) => plus(total, sub(v, zeroPoint)),
    stored: (total) => tail.apply(op('i32.shl', [total, CUMSUM_SHIFT]), 0),
  };
}

function runningProduct(k: KernelBuilder<'cumprod'>): Running {
  const isFloat = (k.site.inputs[0] as TensorType).dtype === 'f32';
  return {
    start: isFloat ? f32(1) : 1,
    take: (total, v) => op(isFloat ? 'f32.mul' : 'i32.mul_wrap', [total, v]),
    stored: unchanged,
  };
}

/** Every element is read before its place is written, so the result may replace the operand. */
function buildRunning<K extends 'cumsum' | 'cumprod'>(
  k: KernelBuilder<K>,
  { axis, exclusive, reverse }: RunningAttrs,
  makeRunning: (extent: number) => Running,
): void {
  const { kept, reduced } = reduceLayout((k.site.inputs[0] as TensorType).shape, [axis]);
  const { extent, stride } = reduced[0] ?? { extent: 1, stride: 1 };
  const x = k.input(0, 'x');
  const { start, take, stored } = makeRunning(extent);
  const y = k.output(0, 'y');
  k.forAll(names('i', kept), extents(kept), (outer) => {
    const first = k.let('first', offset(kept, outer));
    const total = k.variable('total', start);
    k.for('i', 0, extent, (i) => {
      const along = reverse ? sub(extent - 1, i) : expr(i);
      const at = k.let('at', add(first, mul(along, stride)));
      const next = k.let('next', take(total.value, x.at(at)));
      k.store(y, at, stored(exclusive ? total.value : next));
      k.set(total, next);
    });
  });
}

const cumsumKernel: Kernel<'cumsum'> = {
  name: 'cumsum',
  doc: 'for each line along the axis: total = 0; for its elements in turn: total += x; y = total. One accumulator; any type.',
  applies: () => true,
  inPlace: () => [[0, 0]],
  build: (k) => buildRunning(k, k.site.attrs, (extent) => runningSum(k, extent)),
};

const cumprodKernel: Kernel<'cumprod'> = {
  name: 'cumprod',
  doc: 'for each line along the axis: total = 1; for its elements in turn: total *= x; y = total. One accumulator; any type.',
  applies: () => true,
  inPlace: () => [[0, 0]],
  build: (k) => buildRunning(k, k.site.attrs, () => runningProduct(k)),
};

export const REDUCE_KERNELS = {
  sum: [sumKernel],
  mean: [meanKernel],
  reduce_max: [extremeKernel('reduce_max', 'max')],
  reduce_min: [extremeKernel('reduce_min', 'min')],
  reduce_prod: [prodKernel],
  arg_max: [argKernel('arg_max')],
  arg_min: [argKernel('arg_min')],
  cumsum: [cumsumKernel],
  cumprod: [cumprodKernel],
} as const;
