/** Images at another size: taps and weights per axis, known at import, so that one op serves every mode. */
import { typeText } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';

const COORDINATES = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_crop_and_resize',
  'tf_half_pixel_for_nn',
] as const;
type Coordinates = (typeof COORDINATES)[number];
const ROUNDINGS = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const;
type Rounding = (typeof ROUNDINGS)[number];

/** One axis: from `input` to `output` places. */
interface Axis {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  readonly start: number;
  readonly end: number;
}

/** The place in the input, as a real number, that place `x` of the output shows. */
function place(x: number, { input, output, scale, start, end }: Axis, mode: Coordinates): number {
  switch (mode) {
    case 'half_pixel':
    case 'tf_half_pixel_for_nn':
      return (x + 0.5) / scale - (mode === 'half_pixel' ? 0.5 : 0);
    case 'half_pixel_symmetric': {
      const adjustment = output / (scale * input);
      return (input / 2) * (1 - adjustment) + (x + 0.5) / scale - 0.5;
    }
    case 'pytorch_half_pixel':
      return output > 1 ? (x + 0.5) / scale - 0.5 : 0;
    case 'align_corners':
      // The length before it is cut to a whole number, as the operator's reference has it.
      return output > 1 ? (x * (input - 1)) / (scale * input - 1) : 0;
    case 'asymmetric':
      return x / scale;
    case 'tf_crop_and_resize':
      return output > 1
        ? start * (input - 1) + (x * (end - start) * (input - 1)) / (output - 1)
        : 0.5 * (start + end) * (input - 1);
  }
}

function rounded(x: number, mode: Rounding): number {
  switch (mode) {
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    case 'round_prefer_floor':
      return Math.ceil(x - 0.5);
  }
}

interface Kernel {
  /** How far from the center weights are not 0. */
  readonly support: number;
  readonly weight: (distance: number) => number;
}

const LINEAR: Kernel = { support: 1, weight: (d) => Math.max(0, 1 - Math.abs(d)) };

/** Keys' cubic convolution (1981) with the given slope at 1. */
function cubic(a: number): Kernel {
  return {
    support: 2,
    weight(distance) {
      const d = Math.abs(distance);
      if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
    },
  };
}

interface Filter {
  readonly kernel: Kernel;
  readonly coordinates: Coordinates;
  readonly antialias: boolean;
  readonly excludeOutside: boolean;
}

/** Taps [output, count] and their weights. */
function tapsOf(axis: Axis, { kernel, coordinates, antialias, excludeOutside }: Filter) {
  const stretch = antialias ? Math.min(axis.scale, 1) : 1;
  const reach = Math.ceil(kernel.support / stretch);
  const rows = Array.from({ length: axis.output }, (_, x) => {
    const center = place(x, axis, coordinates);
    const first = Math.floor(center) - reach + 1;
    const places = Array.from({ length: 2 * reach }, (_unused, i) => first + i);
    const weights = places.map((at) => {
      const outside = at < 0 || at >= axis.input;
      return excludeOutside && outside ? 0 : kernel.weight((at - center) * stretch);
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const normal = excludeOutside || antialias ? weights.map((weight) => weight / total) : weights;
    return { places: places.map((at) => Math.min(Math.max(at, 0), axis.input - 1)), weights: normal };
  });
  const count = 2 * reach;
  return { count, taps: rows.flatMap((row) => row.places), weights: rows.flatMap((row) => row.weights) };
}

interface Plan {
  readonly axes: readonly (Axis | undefined)[];
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly coordinates: Coordinates;
  readonly rounding: Rounding;
  readonly antialias: boolean;
  readonly cubicA: number;
  readonly excludeOutside: boolean;
  /** What places outside the image show, in the mode that may leave it. */
  readonly outside: number;
}

function resized(node: NodeContext, x: Value, plan: Plan): Value {
  const { ops } = node;
  const filter: Filter = { ...plan, kernel: plan.mode === 'cubic' ? cubic(plan.cubicA) : LINEAR };
  return plan.axes.reduce<Value>((so, axis, at) => {
    if (axis === undefined) return so;
    const y = plan.mode === 'nearest' ? nearest(node, so, axis, at, plan) : filtered(node, so, axis, at, filter);
    if (plan.coordinates !== 'tf_crop_and_resize') return y;
    const inside = Uint8Array.from({ length: axis.output }, (_, i) => {
      const center = place(i, axis, plan.coordinates);
      return center >= 0 && center <= axis.input - 1 ? 1 : 0;
    });
    if (inside.every((yes) => yes === 1)) return y;
    const mask = ops.constant(
      'bool',
      y.type.shape.map((_, i) => (i === at ? axis.output : 1)),
      inside,
    );
    return ops.select(mask, y, ops.number(plan.outside, y));
  }, x);
}

function nearest(node: NodeContext, x: Value, axis: Axis, at: number, { coordinates, rounding }: Plan): Value {
  const places = Array.from({ length: axis.output }, (_, i) => {
    const chosen = rounded(place(i, axis, coordinates), rounding);
    return Math.min(Math.max(chosen, 0), axis.input - 1);
  });
  return node.ops.gather(x, node.ops.i32s(places), at);
}

function filtered(node: NodeContext, x: Value, axis: Axis, at: number, filter: Filter): Value {
  const { ops } = node;
  const { count, taps, weights } = tapsOf(axis, filter);
  const operands = [x, ops.i32s(taps, [axis.output, count]), ops.f32s(weights, [axis.output, count])];
  return { ...ops.one('resample', operands, { axis: at }), element: x.element };
}

const POLICIES = ['stretch', 'not_larger', 'not_smaller'] as const;

const resize: Converter = (node) => {
  const { attributes } = node;
  const x = node.input(0);
  const { shape } = x.type;
  const old = node.version < 11;
  const coordinates = old
    ? 'asymmetric'
    : attributes.choice('coordinate_transformation_mode', COORDINATES, 'half_pixel');
  const mode = attributes.choice('mode', ['nearest', 'linear', 'cubic'], 'nearest');
  const axes = node.axes(attributes.ints('axes') ?? shape.map((_, i) => i), shape.length);
  const scales = nonEmpty(node.optionalNumbers(old ? 1 : 2, 'the scales'));
  const sizes = old ? undefined : nonEmpty(node.optionalNumbers(3, 'the sizes'));
  const roi = coordinates === 'tf_crop_and_resize' ? node.numbers(1, 'the region') : [];
  const policy = attributes.choice('keep_aspect_ratio_policy', POLICIES, 'stretch');
  const given = scales ?? sizes;
  if (given === undefined || given.length !== axes.length) {
    return node.refuse(`scales or sizes for ${axes.length} axes of ${typeText(x.type)}`, `${given?.length ?? 'none'}`);
  }
  const common = sizes === undefined || policy === 'stretch' ? undefined : commonScale(sizes, axes, shape, policy);
  const plans = shape.map((input, axis): Axis | undefined => {
    const i = axes.indexOf(axis);
    if (i === -1) return undefined;
    const scale = scales?.[i] ?? common ?? (sizes as number[])[i] / input;
    const output =
      scales === undefined
        ? common === undefined
          ? (sizes as number[])[i]
          : Math.floor(common * input + 0.5)
        : Math.floor(input * scale);
    if (!(output >= 1 && output <= 2 ** 24)) node.refuse('at least one place per axis', `${output}`);
    const [start, end] = [roi[i] ?? 0, roi[i + axes.length] ?? 1];
    const idle = output === input && (scales === undefined || scale === 1) && coordinates !== 'tf_crop_and_resize';
    return idle ? undefined : { input, output, scale, start, end };
  });
  return resized(node, x, {
    axes: plans,
    mode,
    coordinates,
    rounding: old ? 'floor' : attributes.choice('nearest_mode', ROUNDINGS, 'round_prefer_floor'),
    antialias: attributes.flag('antialias', false),
    cubicA: attributes.float('cubic_coeff_a', -0.75),
    excludeOutside: attributes.flag('exclude_outside', false),
    outside: attributes.float('extrapolation_value', 0),
  });
};

/** Old exporters write empty tensors for what they leave out. */
function nonEmpty(values: number[] | undefined): number[] | undefined {
  return values === undefined || values.length === 0 ? undefined : values;
}

function commonScale(
  sizes: readonly number[],
  axes: readonly number[],
  shape: readonly number[],
  policy: 'not_larger' | 'not_smaller',
): number {
  const scales = sizes.map((size, i) => size / shape[axes[i]]);
  return policy === 'not_larger' ? Math.min(...scales) : Math.max(...scales);
}

const upsample: Converter = (node) => {
  const x = node.input(0);
  const scales = node.attributes.floats('scales') ?? node.numbers(1, 'the scales');
  const mode = node.attributes.choice('mode', ['nearest', 'linear', 'bilinear'], 'nearest');
  const axes = x.type.shape.map((input, axis): Axis | undefined => {
    const scale = scales[axis] ?? 1;
    return scale === 1 ? undefined : { input, output: Math.floor(input * scale), scale, start: 0, end: 1 };
  });
  return resized(node, x, {
    axes,
    mode: mode === 'nearest' ? 'nearest' : 'linear',
    coordinates: 'asymmetric',
    rounding: 'floor',
    antialias: false,
    cubicA: 0,
    excludeOutside: false,
    outside: 0,
  });
};

export const RESIZE: Converters = { Resize: resize, Upsample: upsample };
