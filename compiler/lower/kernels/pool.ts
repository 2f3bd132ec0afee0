/** Kernels of average_pool2d and max_pool2d. */
import { add, expr, f32, max, min, mul, type Operand, op, sub } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { activationBounds } from '../../../ir/tensor/fixed-point.ts';
import type { WindowGeometry } from '../../../ir/tensor/ops/conv.ts';
import { type AverageAttrs, countedSpan, LOWEST_F32, poolGeometry, poolRange } from '../../../ir/tensor/ops/pool.ts';
import type { Padding } from '../../../ir/tensor/ops/shared.ts';
import { integerRange, type TensorType } from '../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Overlap, Site } from '../kernel.ts';
import { channelwiseDistance, overlapOf } from '../overlap.ts';
import { activateFloatExpr, clampTo } from '../requantize.ts';
import { countsWhole, forTaps, outputIndex, pixelIndex } from '../window.ts';

type PoolOp = 'average_pool2d' | 'max_pool2d';

/** What one output is made of. */
interface Reducer {
  readonly start: Operand;
  step(acc: Expr, x: Expr): Expr;
  /** The value before the activation; `count` is the number of elements that count. */
  finish(acc: Expr, count: Expr): Expr;
}

/** How many taps of the windows at one output row (axis 0) or column (axis 1) count along that axis: at least 1. */
function countAlong(g: WindowGeometry, axis: 0 | 1, position: Expr, counted: Padding | undefined): Expr {
  const [window, dilation] = [g.window[axis], g.dilation[axis]];
  if (countsWhole(g, axis, counted)) return expr(window);
  const { low, high } = countedSpan(g, axis, counted);
  const first = sub(mul(position, g.stride[axis]), axis === 0 ? g.padding.top : g.padding.left);
  const end = min(add(first, (window - 1) * dilation + 1), high);
  if (dilation === 1) return sub(end, max(first, low));
  const upTo = (distance: Expr): Expr => op('i32.div_s', [add(distance, dilation - 1), dilation]);
  return sub(upTo(sub(end, first)), upTo(max(sub(low, first), 0)));
}

function largestCount(g: WindowGeometry): number {
  return Math.min(g.window[0], g.input.height) * Math.min(g.window[1], g.input.width);
}

function buildPool<K extends PoolOp>(
  k: KernelBuilder<K>,
  attrs: AverageAttrs,
  makeReducer: (x: TensorType, g: WindowGeometry) => Reducer,
): void {
  const xType = k.site.inputs[0] as TensorType;
  const yType = k.site.outputs[0] as TensorType;
  const g = poolGeometry(xType, yType, attrs);
  const reducer = makeReducer(xType, g);
  const x = k.input(0, 'x');
  const y = k.output(0, 'y');
  const activated = (value: Expr): Expr => {
    if (xType.dtype === 'f32') return activateFloatExpr(value, activationBounds(attrs.activation), f32);
    // What the reducers finish lies within the type's range.
    return attrs.activation === 'none' ? value : clampTo(value, ...poolRange(yType, attrs));
  };
  k.forAll(['n', 'oy'], [g.batch, g.output.height], ([n, oy]) => {
    const rows = k.let('rows', countAlong(g, 0, oy as Expr, attrs.counted));
    k.for('ox', 0, g.output.width, (ox) => {
      const count = k.let('count', max(mul(rows, countAlong(g, 1, ox, attrs.counted)), 1));
      k.for('c', 0, g.input.channels, (c) => {
        const acc = k.variable('acc', reducer.start);
        forTaps(k, g, oy as Expr, ox, (iy, ix) => {
          k.set(acc, reducer.step(acc.value, x.at(add(pixelIndex(g, n as Expr, iy, ix), c))));
        });
        k.store(y, outputIndex(g, n as Expr, oy as Expr, ox, c), activated(reducer.finish(acc.value, count)));
      });
    });
  });
}

function averageOf(type: TensorType, g: WindowGeometry): Reducer {
  if (type.dtype === 'f32') {
    return {
      start: f32(0),
      step: (acc, x) => op('f32.add', [acc, x]),
      finish: (acc, count) =>
        op('f32.div', [acc, count.kind === 'const' ? f32(count.value as number) : op('f32.convert_i32_s', [count])]),
    };
  }
  const [low, high] = integerRange(type.dtype);
  const fits = largestCount(g) * (Math.max(-low, high) + 1) < 2 ** 31;
  const plus = fits ? 'i32.add' : 'i32.add_wrap';
  const minus = fits ? 'i32.sub' : 'i32.sub_wrap';
  return {
    start: 0,
    step: (acc, x) => op(plus, [acc, x]),
    finish(acc, count) {
      const half = count.kind === 'const' ? expr((count.value as number) >> 1) : op('i32.shr_s', [count, 1]);
      // Away from zero: half the count with the sign of the sum is added before the quotient is truncated.
      const biased = op('i32.select', [op('i32.gt_s', [acc, 0]), op(plus, [acc, half]), op(minus, [acc, half])]);
      const mean = op('i32.div_s', [biased, count]);
      return fits ? mean : clampTo(mean, low, high);
    },
  };
}

/** Each channel reads its window, then stores. */
function poolOverlap(site: Site<PoolOp>): readonly Overlap[] {
  const [x, y] = [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
  return overlapOf(site as unknown as Site, 0, channelwiseDistance(poolGeometry(x, y, site.attrs), x, y));
}

const averagePool: Kernel<'average_pool2d'> = {
  name: 'average_pool2d',
  doc:
    'for each output pixel and channel: acc = 0; for ky, kx inside the image: acc += x; divide by the number that counts. ' +
    'One accumulator; any window, stride, dilation, padding and type.',
  applies: () => true,
  overlap: (site) => poolOverlap(site as unknown as Site<PoolOp>),
  build: (k) => buildPool(k, k.site.attrs, averageOf),
};

const maxPool: Kernel<'max_pool2d'> = {
  name: 'max_pool2d',
  doc:
    'for each output pixel and channel: acc = lowest; for ky, kx inside the image: acc = max(acc, x). ' +
    'One accumulator; any window, stride, dilation, padding and type.',
  applies: () => true,
  overlap: (site) => poolOverlap(site as unknown as Site<PoolOp>),
  build: (k) =>
    buildPool(k, k.site.attrs, ({ dtype }) => ({
      start: dtype === 'f32' ? f32(LOWEST_F32) : integerRange(dtype)[0],
      step: (acc, x) => (dtype === 'f32' ? op('f32.max', [acc, x]) : max(acc, x)),
      finish: (acc) => acc,
    })),
};

export const POOL_KERNELS = { average_pool2d: [averagePool], max_pool2d: [maxPool] } as const;
