/** Kernels of resize_nearest and resize_bilinear. */
import { add, affine, type Buffer, f32, i64, mul, op, sub } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import {
  type BilinearAttrs,
  type Blend,
  blendsFixed,
  fixedBlends,
  floatBlends,
  LITERT_WEIGHT_ONE,
  litertBlends,
  nearestPlaces,
  WEIGHT_ONE,
} from '../../../ir/tensor/ops/resize.ts';
import { stridesOf, type TensorType } from '../../../ir/tensor/types.ts';
import { buildBoxes, indexTable, type Lookup, loadIndex, movable } from '../boxes.ts';
import type { Kernel, KernelBuilder, Site } from '../kernel.ts';
import { type Elements, forElements } from '../lanes.ts';

const nearest: Kernel<'resize_nearest'> = {
  name: 'resize_nearest',
  doc: 'for each output pixel: copies the channels of the pixel that tables of rows and columns choose',
  applies: (site) => movable(site as unknown as Site),
  build(k) {
    const { shape } = k.site.inputs[0] as TensorType;
    const y = (k.site.outputs[0] as TensorType).shape;
    const strides = stridesOf(shape);
    const lookups = k.site.attrs.size.map((extent, i): Lookup => {
      const axis = i + 1;
      const limit = shape[axis] as number;
      return {
        indices: nearestPlaces(limit, extent, k.site.attrs),
        start: 0,
        strides: shape.map((_, a) => (a === axis ? 1 : 0)),
        step: strides[axis] as number,
        limit,
      };
    });
    const from = { start: 0, strides: strides.map((stride, axis) => (axis === 0 || axis === 3 ? stride : 0)) };
    const to = { start: 0, strides: stridesOf(y) };
    buildBoxes(k, [{ source: { operand: 0 }, shape: y, from, to, lookups }]);
  },
};

interface Tables {
  readonly low: (index: Expr) => Expr;
  readonly high: (index: Expr) => Expr;
  readonly weight: Buffer;
}

function tablesOf(k: KernelBuilder<'resize_bilinear'>, name: string, blends: readonly Blend[], limit: number): Tables {
  const fixed = k.site.attrs.numerics === 'litert' || blendsFixed(k.site.inputs[0] as TensorType);
  const places = (which: 'low' | 'high') => {
    const table = indexTable(
      k,
      `${name}_${which}`,
      blends.map((blend) => blend[which]),
      limit,
    );
    return (index: Expr) => loadIndex(table, index, limit);
  };
  const weights = blends.map(({ weight }) => weight);
  return { low: places('low'), high: places('high'), weight: k.rom(`${name}_weight`, fixed ? 'i16' : 'f32', weights) };
}

type Corners = readonly [Expr, Expr, Expr, Expr];

/** Four stored values and two weights to the stored result. */
type Mix = (corners: Corners, wy: Expr, wx: Expr) => Expr;

function mixOf(k: KernelBuilder<'resize_bilinear'>): Mix {
  if (k.site.attrs.numerics === 'litert') return (corners, wy, wx) => mixLitert(k, corners, wy, wx);
  const { dtype } = k.site.inputs[0] as TensorType;
  if (dtype === 'i8') return (corners, wy, wx) => mixNarrow(k, corners, wy, wx);
  if (dtype === 'i16') return (corners, wy, wx) => mixWide(k, corners, wy, wx);
  return (corners, wy, wx) => mixFloat(corners, wy, wx, dtype === 'u8');
}

function lines(k: KernelBuilder<'resize_bilinear'>, corners: Corners, wx: Expr): [Expr, Expr] {
  const vx = sub(WEIGHT_ONE, wx);
  const [a, b, c, d] = corners;
  return [k.let('upper', add(mul(a, vx), mul(b, wx))), k.let('lower', add(mul(c, vx), mul(d, wx)))];
}

/** 8-bit values times two weights that sum to 2^20 stay below 2^28; the weights wrap nowhere, though their table says i16. */
function mixNarrow(k: KernelBuilder<'resize_bilinear'>, corners: Corners, wy: Expr, wx: Expr): Expr {
  const [upper, lower] = lines(k, corners, wx);
  const sum = k.let('sum', add(mul(upper, sub(WEIGHT_ONE, wy)), mul(lower, wy)));
  const half = op('i32.select', [op('i32.gt_s', [sum, 0]), 2 ** 19, -(2 ** 19)]);
  return op('i32.div_s', [add(sum, half), 2 ** 20]);
}

/** 16-bit values need 36 bits. Rounds the magnitude and gives the sign back. */
function mixWide(k: KernelBuilder<'resize_bilinear'>, corners: Corners, wy: Expr, wx: Expr): Expr {
  const [upper, lower] = lines(k, corners, wx);
  const times = (line: Expr, weight: Expr) =>
    op('i64.mul', [op('i64.extend_i32_s', [line]), op('i64.extend_i32_s', [weight])]);
  const sum = k.let('sum', op('i64.add', [times(upper, sub(WEIGHT_ONE, wy)), times(lower, wy)]));
  const negated = op('i64.sub', [i64(0), sum]);
  const magnitude = k.let('magnitude', op('i64.max_s', [sum, negated]));
  const rounded = op('i64.shr_s', [op('i64.add', [magnitude, i64(2 ** 19)]), i64(20)]);
  const result = k.let('rounded', op('i32.wrap_i64', [rounded]));
  return op('i32.select', [op('i64.lt_s', [sum, i64(0)]), op('i32.sub_wrap', [0, result]), result]);
}

/** Differences of bytes times weights of 11 bits, twice, stay below 2^31. */
function mixLitert(k: KernelBuilder<'resize_bilinear'>, [a, b, c, d]: Corners, wy: Expr, wx: Expr): Expr {
  const line = (from: Expr, to: Expr) => add(mul(from, LITERT_WEIGHT_ONE), mul(sub(to, from), wx));
  const upper = k.let('upper', line(a, b));
  const lower = k.let('lower', line(c, d));
  const sum = add(mul(upper, LITERT_WEIGHT_ONE), mul(sub(lower, upper), wy));
  return op('i32.shr_s', [add(sum, 2 ** 21), 22]);
}

function mixFloat(corners: Corners, wy: Expr, wx: Expr, rounds: boolean): Expr {
  const vy = op('f32.sub', [f32(1), wy]);
  const vx = op('f32.sub', [f32(1), wx]);
  const [a, b, c, d] = corners.map((value) => (rounds ? op('f32.convert_i32_s', [value]) : value));
  const term = (value: Expr | undefined, y: Expr, x: Expr) => op('f32.mul', [op('f32.mul', [value as Expr, y]), x]);
  const left = op('f32.add', [term(a, vy, vx), term(c, wy, vx)]);
  const sum = op('f32.add', [op('f32.add', [left, term(b, vy, wx)]), term(d, wy, wx)]);
  const offset = op('f32.add', [sum, f32(rounds ? 0.5 : 0)]);
  return rounds ? op('i32.trunc_sat_f32_s', [offset]) : offset;
}

const bilinear: Kernel<'resize_bilinear'> = {
  name: 'resize_bilinear',
  doc:
    'for each output row and column: two rows and two columns with weights, from tables; for each channel: the weighted ' +
    'sum of four values; float32 channels by fours where there are vectors',
  applies: () => true,
  build(k) {
    const attrs: BilinearAttrs = k.site.attrs;
    const x0 = k.site.inputs[0] as TensorType;
    const [batch, height, width, channels] = x0.shape as [number, number, number, number];
    const [newHeight, newWidth] = attrs.size;
    const blends = attrs.numerics === 'litert' ? litertBlends : blendsFixed(x0) ? fixedBlends : floatBlends;
    const x = k.input(0, 'x');
    const rows = tablesOf(k, 'row', blends(height, newHeight, attrs), height);
    const columns = tablesOf(k, 'column', blends(width, newWidth, attrs), width);
    const y = k.output(0, 'y');
    const mix = mixOf(k);
    k.forAll(['n', 'oy'], [batch, newHeight], (outer) => {
      const [n, oy] = outer as [Expr, Expr];
      const rowAt = (row: Expr) =>
        affine([
          [n, height * width * channels],
          [row, width * channels],
        ]);
      const upper = k.let('upper_row', rowAt(rows.low(oy)));
      const lower = k.let('lower_row', rowAt(rows.high(oy)));
      const wy = k.let('wy', rows.weight.at(oy));
      k.for('ox', 0, newWidth, (ox) => {
        const left = k.let('left', mul(columns.low(ox), channels));
        const right = k.let('right', mul(columns.high(ox), channels));
        const wx = k.let('wx', columns.weight.at(ox));
        const at =
          (row: Expr, column: Expr): Elements =>
          (c, access) =>
            x.at(add(add(row, column), c), access);
        const corners = [at(upper, left), at(upper, right), at(lower, left), at(lower, right)];
        const first = affine([
          [n, newHeight * newWidth * channels],
          [oy, newWidth * channels],
          [ox, channels],
        ]);
        forElements(k as unknown as KernelBuilder, channels, corners, { y, first }, (values) =>
          mix(values as unknown as Corners, wy, wx),
        );
      });
    });
  },
};

export const RESIZE_KERNELS = { resize_nearest: [nearest], resize_bilinear: [bilinear] } as const;
