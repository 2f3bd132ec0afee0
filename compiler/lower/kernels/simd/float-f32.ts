/** What float32 kernels for 128-bit vectors have in common: what they take, and how sums become results. */
import { type FunctionBuilder, f32, type Operand, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { activationBounds } from '../../../../ir/tensor/fixed-point.ts';
import type { ConvAttrs } from '../../../../ir/tensor/ops/conv.ts';
import { hasV128 } from '../../../targets/index.ts';
import type { KernelBuilder, Site } from '../../kernel.ts';

export const LANES = 4;

export function roundedUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}

/** The reason why the target has no vectors or an operand is not float32, or undefined. */
export function floatFault({ target, inputs }: Pick<Site, 'target' | 'inputs'>): string | undefined {
  if (!hasV128(target)) return 'needs 128-bit vectors';
  const other = inputs.find(({ dtype }) => dtype !== 'f32');
  return other === undefined ? undefined : `takes float32, not ${other.dtype}`;
}

/** The same for products with weights and a bias, which must be constant. */
export function productFault(site: Site): string | undefined {
  const fault = floatFault(site);
  if (fault !== undefined) return fault;
  if (site.constant(1) === undefined) return 'weights are not constant';
  if (site.inputs[2] !== undefined && site.constant(2) === undefined) return 'bias is not constant';
  return undefined;
}

export function splat(value: number): Expr {
  return op('f32x4.splat', [f32(value)]);
}

/** Clamps four results; the order of the operands keeps NaN. */
export function activated(x: Expr, activation: ConvAttrs['activation']): Expr {
  const [low, high] = activationBounds(activation);
  const raised = low === Number.NEGATIVE_INFINITY ? x : op('f32x4.pmax', [x, splat(low)]);
  return high === Number.POSITIVE_INFINITY ? raised : op('f32x4.pmin', [raised, splat(high)]);
}

/** Bias (input 2) and activation of four neighbouring channels. */
export function floatTail(k: KernelBuilder, channels: number): (sum: Expr, channel: Operand) => Expr {
  const { activation } = k.site.attrs as ConvAttrs;
  const data = k.site.constant(2)?.data as Float32Array | undefined;
  // A sum that began at +0 is never -0, so adding no bias changes nothing.
  const bias = data === undefined ? undefined : k.rom('bias', 'f32', filledUp(data, roundedUp(channels, LANES)));
  return (sum, channel) =>
    activated(bias === undefined ? sum : op('f32x4.add', [sum, bias.at(channel, 'v128')]), activation);
}

function filledUp(values: Float32Array, length: number): Float32Array {
  const data = new Float32Array(length);
  data.set(values);
  return data;
}

const words = (lanes: readonly number[]) => lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte));
const LOW_PAIRS = words([0, 4, 1, 5]);
const HIGH_PAIRS = words([2, 6, 3, 7]);
const LOW_HALVES = words([0, 1, 4, 5]);
const HIGH_HALVES = words([2, 3, 6, 7]);

/** Four vectors of which the i-th holds lane i of each of the four given. */
export function transposed(k: FunctionBuilder, rows: readonly Expr[]): readonly Expr[] {
  const [a, b, c, d] = rows.map((row) => k.let('row', row)) as [Expr, Expr, Expr, Expr];
  const mixed = (x: Expr, y: Expr, lanes: readonly number[]) => op('i8x16.shuffle', [x, y], lanes);
  const pairs = (lanes: readonly number[]) =>
    [k.let('pairs', mixed(a, b, lanes)), k.let('pairs', mixed(c, d, lanes))] as const;
  const [low, high] = [pairs(LOW_PAIRS), pairs(HIGH_PAIRS)];
  return [
    mixed(...low, LOW_HALVES),
    mixed(...low, HIGH_HALVES),
    mixed(...high, LOW_HALVES),
    mixed(...high, HIGH_HALVES),
  ];
}
