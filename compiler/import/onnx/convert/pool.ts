/** Pooling. */
import { elementCount, typeText } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';
import { widened } from './arithmetic.ts';
import { paddedAxis } from './conv.ts';
import { asTwoDimensional, paddingAttr, toChannelsFirst, toChannelsLast, type Windows, windowsOf } from './window.ts';

function poolWindows(node: NodeContext, x: Value): Windows {
  const window = node.attributes.ints('kernel_shape') ?? node.refuse('a kernel_shape', 'none');
  const extents = x.type.shape.slice(2);
  if (extents.length !== window.length || window.some((count) => count < 1)) {
    return node.refuse(`a kernel_shape of ${extents.length} extents for ${typeText(x.type)}`, `[${window}]`);
  }
  return windowsOf(node, extents, window);
}

/** One or two axes, no holes: what the IR's pooling does. */
function isPlanar({ window, dilation }: Windows): boolean {
  return window.length <= 2 && dilation.every((step) => step === 1);
}

function planar(node: NodeContext, op: 'max_pool2d' | 'average_pool2d', x: Value, stated: Windows): Value {
  const { ops } = node;
  const flat = stated.window.length === 1;
  const windows = asTwoDimensional(stated);
  const image = flat ? ops.reshape(x, x.type.shape.toSpliced(2, 0, 1)) : x;
  const y = ops.one(op, [toChannelsLast(node, image)], {
    window: [windows.window[0], windows.window[1]],
    stride: [windows.stride[0], windows.stride[1]],
    padding: paddingAttr(windows),
    activation: 'none',
  });
  const result = toChannelsFirst(node, y);
  return flat ? ops.reshape(result, result.type.shape.toSpliced(2, 1)) : result;
}

/** The taps of windows along one axis: slices of the padded tensor, one for each place in the window. */
function axisTaps(node: NodeContext, x: Value, windows: Windows, i: number, outside: number): Value[] {
  const { ops } = node;
  const axis = 2 + i;
  const along = (count: number, others: number) => x.type.shape.map((_, at) => (at === axis ? count : others));
  const [before, after] = [along(windows.before[i], 0), along(windows.after[i], 0)];
  const idle = windows.before[i] + windows.after[i] === 0;
  const padded = idle ? x : ops.one('pad', [x, ops.number(outside, x)], { before, after });
  const size = padded.type.shape.with(axis, windows.output[i]);
  return Array.from({ length: windows.window[i] }, (_, tap) =>
    ops.slice(padded, along(tap * windows.dilation[i], 0), size, along(windows.stride[i], 1)),
  );
}

/** Axis by axis, the taps of each window combined one after another. */
function axisByAxis(
  node: NodeContext,
  x: Value,
  windows: Windows,
  outside: number,
  combine: (a: Value, b: Value) => Value,
): Value {
  return windows.window.reduce((so, _, i) => {
    const taps = axisTaps(node, so, windows, i, outside);
    return taps.slice(1).reduce(combine, taps[0]);
  }, x);
}

const maxPool: Converter = (node) => {
  const x = node.input(0);
  const columnsFirst = node.attributes.flag('storage_order', false);
  const windows = poolWindows(node, x);
  if (node.wants(1)) return maximaWithPlaces(node, x, windows, columnsFirst);
  if (isPlanar(windows) && x.type.dtype === 'f32')
    return { ...planar(node, 'max_pool2d', x, windows), element: x.element };
  const least = x.type.dtype === 'f32' ? Number.NEGATIVE_INFINITY : -(2 ** 31);
  const y = axisByAxis(node, widened(node, x), windows, least, (a, b) => node.ops.max(a, b));
  return node.as(y, x.element);
};

/** Maxima and where in the whole tensor they stand; of equal ones the first, which the innermost axis decides first. */
function maximaWithPlaces(node: NodeContext, x: Value, windows: Windows, columnsFirst: boolean): Value[] {
  const { ops } = node;
  const { shape } = x.type;
  const planes = elementCount(shape.slice(0, 2));
  const count = elementCount(shape.slice(2));
  const order = shape.slice(2).map((_, axis) => axis);
  const weights = order.map((axis) => elementCount(columnsFirst ? shape.slice(2, 2 + axis) : shape.slice(3 + axis)));
  const places = Int32Array.from({ length: planes * count }, (_, i) => {
    let rest = i % count;
    const inner = order.reduceRight((sum, axis) => {
      const at = rest % shape[2 + axis];
      rest = Math.floor(rest / shape[2 + axis]);
      return sum + at * weights[axis];
    }, 0);
    return Math.floor(i / count) * count + inner;
  });
  const least = x.type.dtype === 'f32' ? Number.NEGATIVE_INFINITY : -(2 ** 31);
  const start = { value: widened(node, x), place: ops.i32s(places, shape) };
  const end = order.toReversed().reduce((so, i) => {
    const taps = (value: Value, outside: number) => axisTaps(node, value, windows, i, outside);
    const [values, at] = [taps(so.value, least), taps(so.place, -1)];
    return values.slice(1).reduce(
      (best, value, tap) => {
        const larger = ops.compare('greater', value, best.value);
        return { value: ops.select(larger, value, best.value), place: ops.select(larger, at[tap + 1], best.place) };
      },
      { value: values[0], place: at[0] },
    );
  }, start);
  return [node.as(end.value, x.element), { ...end.place, element: 'int64' }];
}

/** How many positions of each window count. */
function counts(
  windows: Windows,
  extents: readonly number[],
  margins: { before: readonly number[]; after: readonly number[] },
): number[][] {
  return windows.window.map((taps, i) =>
    Array.from({ length: windows.output[i] }, (_, place) => {
      const positions = Array.from(
        { length: taps },
        (_unused, tap) => place * windows.stride[i] + tap * windows.dilation[i] - windows.before[i],
      );
      return positions.filter((at) => at >= -margins.before[i] && at < extents[i] + margins.after[i]).length;
    }),
  );
}

const averagePool: Converter = (node) => {
  const { ops } = node;
  const x = node.input(0);
  const padCounts = node.attributes.flag('count_include_pad', false);
  const windows = poolWindows(node, x);
  const extents = x.type.shape.slice(2);
  if (isPlanar(windows) && !(padCounts && [...windows.before, ...windows.after].some((margin) => margin > 0))) {
    return { ...planar(node, 'average_pool2d', x, windows), element: x.element };
  }
  const stated = { before: windows.before, after: windows.margin };
  const none = { before: extents.map(() => 0), after: extents.map(() => 0) };
  const perAxis = counts(windows, extents, padCounts ? stated : none);
  const sum = axisByAxis(node, x, windows, 0, (a, b) => ops.add(a, b));
  const shape = windows.output;
  const divisors = Float32Array.from({ length: elementCount(shape) }, (_, i) => {
    let rest = i;
    return shape.reduceRight((product, extent, axis) => {
      const place = rest % extent;
      rest = Math.floor(rest / extent);
      return product * perAxis[axis][place];
    }, 1);
  });
  const uniform = divisors.every((count) => count === divisors[0]);
  const divisor = uniform ? ops.f32(divisors[0]) : ops.f32s(divisors, [1, 1, ...shape]);
  return { ...ops.div(sum, divisor), element: x.element };
};

/** (sum of |x|^p)^(1/p) */
const lpPool: Converter = (node) => {
  const { ops } = node;
  const x = node.input(0);
  const p = node.attributes.int('p', 2);
  const powers = p === 2 ? ops.mul(x, x) : ops.one('pow', [ops.unary('abs', x), ops.f32(p)], {});
  const sum = axisByAxis(node, powers, poolWindows(node, x), 0, (a, b) => ops.add(a, b));
  return { ...(p === 2 ? ops.unary('sqrt', sum) : ops.one('pow', [sum, ops.f32(1 / p)], {})), element: x.element };
};

function global(reduce: (node: NodeContext, x: Value, axes: readonly number[]) => Value): Converter {
  return (node) => {
    const x = node.input(0);
    if (x.type.shape.length < 3) return node.refuse('an image', typeText(x.type));
    return reduce(node, x, x.type.shape.map((_, axis) => axis).slice(2));
  };
}

const globalLp = global((node, x, axes) => {
  const { ops } = node;
  const p = node.attributes.int('p', 2);
  const powers = p === 2 ? ops.mul(x, x) : ops.one('pow', [ops.unary('abs', x), ops.f32(p)], {});
  const sum = ops.reduce('sum', powers, axes, true);
  return p === 2 ? ops.unary('sqrt', sum) : ops.one('pow', [sum, ops.f32(1 / p)], {});
});

/** Elements back at the places that max pooling took them from, zeros elsewhere. */
const maxUnpool: Converter = (node) => {
  const { ops } = node;
  const [x, places] = [node.input(0), node.input(1)];
  const window = node.attributes.ints('kernel_shape') ?? node.refuse('a kernel_shape', 'none');
  const rank = window.length;
  const stride = node.attributes.ints('strides') ?? window.map(() => 1);
  const pads = node.attributes.ints('pads') ?? [...window, ...window].map(() => 0);
  const natural = window.map((extent, i) => (x.type.shape[2 + i] - 1) * stride[i] - pads[i] - pads[rank + i] + extent);
  const full = [...x.type.shape.slice(0, 2), ...natural];
  const wanted = node.optionalNumbers(2, 'the output shape') ?? full;
  const empty = ops.f32(0, [elementCount(full)]);
  const flat = (value: Value) => ops.reshape(value, [elementCount(value.type.shape)]);
  const y = ops.one('scatter_elements', [empty, flat(places), flat(x)], { axis: 0, reduction: 'none' });
  const image = ops.reshape(y, full);
  return wanted.reduce((so, extent, axis) => paddedAxis(node, so, axis, 0, Math.max(extent - full[axis], 0)), image);
};

export const POOL: Converters = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: lpPool,
  GlobalAveragePool: global((node, x, axes) => node.ops.reduce('mean', x, axes, true)),
  GlobalMaxPool: global((node, x, axes) => node.ops.reduce('reduce_max', x, axes, true)),
  GlobalLpPool: globalLp,
  MaxUnpool: maxUnpool,
};
