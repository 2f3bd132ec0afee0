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

/** Axis by axis: the taps of a window are slices of the padded tensor, combined one after another. */
function axisByAxis(
  node: NodeContext,
  x: Value,
  windows: Windows,
  outside: number,
  combine: (a: Value, b: Value) => Value,
): Value {
  const { ops } = node;
  return windows.window.reduce((so, taps, i) => {
    const axis = 2 + i;
    const margin = (count: number) => so.type.shape.map((_, at) => (at === axis ? count : 0));
    const padded =
      windows.before[i] + windows.after[i] === 0
        ? so
        : ops.one('pad', [so, ops.number(outside, so)], {
            before: margin(windows.before[i]),
            after: margin(windows.after[i]),
          });
    const slices = Array.from({ length: taps }, (_, tap) =>
      ops.slice(
        padded,
        margin(tap * windows.dilation[i]),
        padded.type.shape.with(axis, windows.output[i]),
        margin(windows.stride[i] - 1).map((extra) => extra + 1),
      ),
    );
    return slices.slice(1).reduce(combine, slices[0]);
  }, x);
}

const maxPool: Converter = (node) => {
  const x = node.input(0);
  if (node.wants(1)) return node.refuse('the maxima alone', 'their places (output 1)');
  node.attributes.ignore('storage_order');
  const windows = poolWindows(node, x);
  if (isPlanar(windows) && x.type.dtype === 'f32')
    return { ...planar(node, 'max_pool2d', x, windows), element: x.element };
  const least = x.type.dtype === 'f32' ? Number.NEGATIVE_INFINITY : -(2 ** 31);
  const y = axisByAxis(node, widened(node, x), windows, least, (a, b) => node.ops.max(a, b));
  return node.as(y, x.element);
};

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
