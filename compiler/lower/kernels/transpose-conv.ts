/** Kernel of transpose_conv2d. */
import { add, affine, expr, type FunctionBuilder, inRange, mul, op, sub } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { convStage } from '../../../ir/tensor/ops/conv.ts';
import { biasValues } from '../../../ir/tensor/ops/shared.ts';
import { transposeConvTail } from '../../../ir/tensor/ops/transpose-conv.ts';
import type { TensorType } from '../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder } from '../kernel.ts';
import { type Mac, macOf } from '../mac.ts';

/** One axis of the image: input and window extents, stride and the positions cut off at the start. */
export interface Axis {
  readonly input: number;
  readonly window: number;
  readonly stride: number;
  readonly padding: number;
}

/** The last input position at or before an output position, and the tap by which it would reach it. */
export interface Phase {
  readonly last: Expr;
  readonly tap: Expr;
}

export function phaseOf(k: FunctionBuilder, { stride, padding }: Axis, at: Expr): Phase {
  const shifted = k.let('shifted', add(at, padding));
  if (stride === 1) return { last: shifted, tap: expr(0) };
  const last = k.let('last', op('i32.div_s', [shifted, stride]));
  return { last, tap: k.let('phase', op('i32.rem_s', [shifted, stride])) };
}

/** Runs `body` for every input position that reaches the output position, ascending, with its tap. */
export function forReaching(
  k: FunctionBuilder,
  axis: Axis,
  { last, tap }: Phase,
  body: (position: Expr, tap: Expr) => void,
): void {
  const most = Math.ceil(axis.window / axis.stride);
  k.for('back', 0, most, (turn) => {
    const back = k.let('step', sub(most - 1, turn));
    const position = k.let('position', sub(last, back));
    k.if(inRange(position, 0, axis.input), () => {
      const own = k.let('tap', add(tap, mul(back, axis.stride)));
      k.if(axis.window % axis.stride === 0 ? 1 : inRange(own, 0, axis.window), () => body(position, own));
    });
  });
}

function macOfNode(k: KernelBuilder<'transpose_conv2d'>): Mac {
  const { inputs, outputs, attrs, constant } = k.site;
  const [x, w, biasType] = inputs as readonly [TensorType, TensorType, TensorType?];
  const [channels, kh, kw, inChannels] = w.shape;
  const depth = kh * kw * inChannels;
  const weights = constant(1)?.data as ArrayLike<number> | undefined;
  const biasConstant = constant(2);
  const tail = transposeConvTail(x, attrs);
  const runtimeBias = biasType !== undefined && biasConstant === undefined ? k.input(2, 'bias') : undefined;
  const layer = {
    x,
    w,
    y: outputs[0],
    channels,
    depth,
    stage: x.dtype === 'f32' ? undefined : convStage(x, w, outputs[0], tail),
    accumulator: tail.accumulator,
    activation: attrs.activation,
    bias: biasType && biasConstant ? biasValues({ type: biasType, data: biasConstant.data }, channels) : undefined,
    weights:
      weights === undefined
        ? undefined
        : function* (channel: number) {
            for (let i = 0; i < depth; i++) yield weights[channel * depth + i];
          },
    everyTap: false,
  };
  return macOf(k, layer, runtimeBias);
}

const transposeConvDirect: Kernel<'transpose_conv2d'> = {
  name: 'transpose_conv2d',
  doc:
    'for each output pixel: for each output channel: acc = bias; for the input pixels that reach it, for ic: acc += x * w; ' +
    'requantize. Gathers, so no sums are kept; any window, stride, padding and type.',
  applies: () => true,
  build(k) {
    const { inputs, outputs, attrs } = k.site;
    const [batch, height, width, depth] = inputs[0].shape;
    const [, kh, kw] = inputs[1].shape;
    const [, outHeight, outWidth, outChannels] = outputs[0].shape;
    const rows: Axis = { input: height, window: kh, stride: attrs.stride[0], padding: attrs.padding.top };
    const columns: Axis = { input: width, window: kw, stride: attrs.stride[1], padding: attrs.padding.left };
    const x = k.input(0, 'x');
    const w = k.input(1, 'w');
    const mac = macOfNode(k);
    const y = k.output(0, 'y');
    k.forAll(['n', 'oy'], [batch, outHeight], ([n, oy]) => {
      const row = phaseOf(k, rows, oy);
      k.for('ox', 0, outWidth, (ox) => {
        const column = phaseOf(k, columns, ox);
        k.for('oc', 0, outChannels, (oc) => {
          const acc = k.variable('acc', mac.start(oc));
          forReaching(k, rows, row, (iy, ky) => {
            forReaching(k, columns, column, (ix, kx) => {
              const image = affine([
                [n, height * width * depth],
                [iy, width * depth],
              ]);
              const xStart = k.let('xp', affine([[ix, depth]], image));
              const wStart = k.let(
                'wp',
                affine([
                  [oc, kh * kw * depth],
                  [ky, kw * depth],
                  [kx, depth],
                ]),
              );
              k.for('ic', 0, depth, (ic) => {
                k.set(acc, mac.step(acc.value, x.at(add(xStart, ic)), w.at(add(wStart, ic)), oc));
              });
            });
          });
          const pixel = affine([
            [n, outHeight * outWidth * outChannels],
            [oy, outWidth * outChannels],
            [ox, outChannels],
          ]);
          k.store(y, add(pixel, oc), mac.finish(acc.value, oc));
        });
      });
    });
  },
};

export const TRANSPOSE_CONV_KERNELS = { transpose_conv2d: [transposeConvDirect] } as const;
