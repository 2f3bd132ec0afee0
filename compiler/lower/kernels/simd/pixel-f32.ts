/**
 * Convolutions in float32 that take one pixel at a time: those whose channels form groups, and transposed ones.
 *
 *     for each pixel, group, up to 8 vectors of its output channels: accumulators = 0; for each tap that meets the image, for
 *     each input channel of the group: spread the activation to all lanes, multiply by each vector of weights and add
 *
 * A lane is one output channel, and its sum runs in order. Channels that are no multiple of 4 end with a vector that begins in
 * the one before: it makes the same results again. Weights are packed so that those of neighbouring channels are neighbours.
 */
import { add, affine, type Buffer, i32, op } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { convGeometry, type WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import type { TensorType } from '../../../../ir/tensor/types.ts';
import type { Kernel, KernelBuilder, Site } from '../../kernel.ts';
import { forTaps, outputIndex, pixelIndex } from '../../window.ts';
import { forReaching, phaseOf } from '../transpose-conv.ts';
import { forVectors } from './channels-f32.ts';
import { floatTail, LANES, productFault, splat } from './float-f32.ts';

/** Vectors of channels that a pixel takes at a time: accumulators, an activation and weights in 16 registers. */
const MOST_VECTORS = 8;

/** How the channels of a layer are divided. */
interface Groups {
  readonly count: number;
  readonly taps: number;
  /** Input and output channels of a group. */
  readonly depth: number;
  readonly channels: number;
}

interface Layer extends Groups {
  readonly x: Buffer;
  /** `[group][tap][input channel][output channel]` */
  readonly w: Buffer;
  readonly finish: (sum: Expr, channel: Expr) => Expr;
  readonly y: Buffer;
}

function packWeights(weights: Float32Array, { count, taps, depth, channels }: Groups): Float32Array {
  const packed = new Float32Array(weights.length);
  let at = 0;
  for (let group = 0; group < count; group++) {
    for (let i = 0; i < taps * depth; i++) {
      for (let channel = 0; channel < channels; channel++) {
        packed[at++] = weights[(group * channels + channel) * taps * depth + i] as number;
      }
    }
  }
  return packed;
}

function layerOf(k: KernelBuilder, groups: Groups): Layer {
  const x = k.input(0, 'x');
  const w = k.rom('w', 'f32', packWeights(k.site.constant(1)?.data as Float32Array, groups));
  return { ...groups, x, w, finish: floatTail(k, groups.count * groups.channels), y: k.output(0, 'y') };
}

/** All channels of one pixel. `forTapsOf` visits, in order, where each tap's pixel begins in x. */
function buildPixel(
  k: KernelBuilder,
  { count, taps, depth, channels, x, w, finish, y }: Layer,
  out: Expr,
  forTapsOf: (visit: (pixel: Expr, tap: Expr) => void) => void,
): void {
  k.for('group', 0, count, (group) => {
    forVectors(k, channels, MOST_VECTORS, (first, vectors) => {
      const sums = Array.from({ length: vectors }, () => k.variable('acc', splat(0)));
      forTapsOf((pixel, tap) => {
        const from = k.let('from', affine([[group, depth]], pixel));
        const row = affine([[group, taps]], tap);
        const weights = k.let('weights', affine([[row, depth * channels]], first));
        k.for('ic', 0, depth, (ic) => {
          const value = k.let('x', x.at(add(from, ic), 'splat32'));
          const at = k.let('at', affine([[ic, channels]], weights));
          sums.forEach((sum, v) => {
            k.set(sum, op('f32x4.add', [sum.value, op('f32x4.mul', [value, w.at(add(at, v * LANES), 'v128')])]));
          });
        });
      });
      const channel = k.let('channel', affine([[group, channels]], first));
      sums.forEach((sum, v) => {
        const at = add(channel, v * LANES);
        k.store(y, add(out, at), finish(sum.value, at), 'v128');
      });
    });
  });
}

function groupsOf({ inputs }: Pick<Site, 'inputs'>): Groups {
  const [x, w] = inputs as [TensorType, TensorType];
  const [outputs, kh, kw, depth] = w.shape as [number, number, number, number];
  const count = (x.shape[3] as number) / depth;
  return { count, taps: kh * kw, depth, channels: outputs / count };
}

function faultOf(site: Site): true | string {
  const fault = productFault(site);
  if (fault !== undefined) return fault;
  return groupsOf(site).channels >= LANES || `has less than ${LANES} output channels in a group`;
}

function geometryOf({ inputs, outputs, attrs }: Site<'conv2d'>): WindowGeometry {
  const [x, w] = inputs as [TensorType, TensorType];
  return convGeometry(x, w, outputs[0] as TensorType, attrs);
}

const conv2d: Kernel<'conv2d'> = {
  name: 'conv2d_groups_f32',
  doc:
    'for each output pixel, group and up to 8 vectors of its channels: accumulators = 0; for ky, kx inside the image, for ' +
    'ic: the activation spread to all lanes, multiply and add; bias and activation in vectors.',
  applies: (site) => faultOf(site as unknown as Site),
  build(builder) {
    const k = builder as unknown as KernelBuilder;
    const g = geometryOf(builder.site);
    const layer = layerOf(k, groupsOf(k.site));
    k.forAll(['n', 'oy', 'ox'], [g.batch, g.output.height, g.output.width], (index) => {
      const [n, oy, ox] = index as [Expr, Expr, Expr];
      const out = k.let('out', outputIndex(g, n, oy, ox, i32(0)));
      buildPixel(k, layer, out, (visit) => {
        forTaps(k, g, oy, ox, (iy, ix, tap) => visit(pixelIndex(g, n, iy, ix), tap));
      });
    });
  },
};

const transposeConv: Kernel<'transpose_conv2d'> = {
  name: 'transpose_conv2d_f32',
  doc:
    'for each output pixel and up to 8 vectors of its channels: accumulators = 0; for the input pixels that reach it, for ' +
    'ic: the activation spread to all lanes, multiply and add; bias and activation in vectors.',
  applies: (site) => faultOf(site as unknown as Site),
  build(builder) {
    const k = builder as unknown as KernelBuilder;
    const { inputs, outputs, attrs } = builder.site;
    const [batch, height, width, depth] = (inputs[0] as TensorType).shape as [number, number, number, number];
    const [, kh, kw] = (inputs[1] as TensorType).shape as [number, number, number, number];
    const [, outHeight, outWidth, channels] = (outputs[0] as TensorType).shape as [number, number, number, number];
    const rows = { input: height, window: kh, stride: attrs.stride[0], padding: attrs.padding.top };
    const columns = { input: width, window: kw, stride: attrs.stride[1], padding: attrs.padding.left };
    const layer = layerOf(k, groupsOf(k.site));
    k.forAll(['n', 'oy'], [batch, outHeight], (outer) => {
      const [n, oy] = outer as [Expr, Expr];
      const row = phaseOf(k, rows, oy);
      k.for('ox', 0, outWidth, (ox) => {
        const column = phaseOf(k, columns, ox);
        const place = affine([
          [n, outHeight * outWidth * channels],
          [oy, outWidth * channels],
          [ox, channels],
        ]);
        buildPixel(k, layer, k.let('out', place), (visit) => {
          forReaching(k, rows, row, (iy, ky) => {
            forReaching(k, columns, column, (ix, kx) => {
              const image = affine([
                [n, height * width * depth],
                [iy, width * depth],
              ]);
              visit(affine([[ix, depth]], image), affine([[ky, kw]], kx));
            });
          });
        });
      });
    });
  },
};

export const PIXEL_F32 = { conv2d: [conv2d], transpose_conv2d: [transposeConv] } as const;
