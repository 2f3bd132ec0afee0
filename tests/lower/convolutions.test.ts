// Float convolutions with every attribute that a file may give them, against plain loops that share nothing with record or
// kernels: groups of any number, dilation, padding that differs at every edge and exceeds the window.
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TargetName } from '../../compiler/targets/index.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import type { Graph } from '../../ir/tensor/graph.ts';
import type { ConvAttrs } from '../../ir/tensor/ops/conv.ts';
import type { TransposeConvAttrs } from '../../ir/tensor/ops/transpose-conv.ts';
import { NO_QUANT, type TensorType } from '../../ir/tensor/types.ts';
import { Random } from '../support/random.ts';
import { randomData } from '../support/random-graph.ts';
import { programFault, singleNode } from '../support/single-node.ts';

const suite = makeSuite('float convolutions');
const { fround } = Math;
const TARGETS: readonly TargetName[] = ['c', 'cortex-m4', 'wasm'];
type Four = [number, number, number, number];
const floats = (...shape: number[]): TensorType => ({ dtype: 'f32', shape, quant: NO_QUANT });

/** Sum over ky, kx, ic in this order, each step rounded, then the bias. */
function naiveConv(
  x: Float32Array,
  xs: Four,
  w: Float32Array,
  ws: Four,
  bias: Float32Array,
  attrs: ConvAttrs,
): number[] {
  const [batch, height, width, channels] = xs;
  const [outputs, kh, kw, depth] = ws;
  const { stride, dilation, padding } = attrs;
  const perGroup = outputs / (channels / depth);
  const y: number[] = [];
  for (let n = 0; n < batch; n++) {
    for (let top = -padding.top; top + (kh - 1) * dilation[0] < height + padding.bottom; top += stride[0]) {
      for (let left = -padding.left; left + (kw - 1) * dilation[1] < width + padding.right; left += stride[1]) {
        for (let oc = 0; oc < outputs; oc++) {
          let sum = 0;
          for (let ky = 0; ky < kh; ky++) {
            for (let kx = 0; kx < kw; kx++) {
              const [iy, ix] = [top + ky * dilation[0], left + kx * dilation[1]];
              if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
              for (let c = 0; c < depth; c++) {
                const ic = Math.floor(oc / perGroup) * depth + c;
                const value = x[((n * height + iy) * width + ix) * channels + ic] as number;
                const weight = w[((oc * kh + ky) * kw + kx) * depth + c] as number;
                sum = fround(sum + fround(value * weight));
              }
            }
          }
          y.push(fround(sum + (bias[oc] as number)));
        }
      }
    }
  }
  return y;
}

function check(graph: Graph, inputs: Float32Array[], expected: number[], text: string): void {
  assert.equal([...(evaluate(graph, inputs).outputs[0] as Float32Array)], expected, text);
  for (const target of TARGETS) assert.is(programFault(graph, inputs, target), undefined, `${target}: ${text}`);
}

suite('conv2d of 1 to as many groups as channels', () => {
  const r = new Random(41);
  for (let tried = 0; tried < 60; tried++) {
    const groups = r.int(1, 6);
    const depth = r.int(1, 3);
    const x: Four = [r.int(1, 2), r.int(3, 7), r.int(3, 7), groups * depth];
    const w: Four = [groups * r.int(1, 3), r.int(1, 3), r.int(1, 3), depth];
    const attrs: ConvAttrs = {
      stride: [r.int(1, 3), r.int(1, 3)],
      dilation: [r.int(1, 2), r.int(1, 2)],
      padding: { top: r.int(1, 4), bottom: r.int(1, 4), left: r.int(1, 4), right: r.int(1, 4) },
      activation: 'none',
      rounding: 'double',
      accumulator: 'i32',
    };
    const data = [floats(...x), floats(...w), floats(w[0])].map((type) => randomData(r, type) as Float32Array);
    const [xs, ws, bias] = data as [Float32Array, Float32Array, Float32Array];
    const graph = singleNode('conv2d', attrs, [
      { type: floats(...x) },
      { type: floats(...w), data: ws },
      { type: floats(w[0]), data: bias },
    ]);
    const text = `x [${x}], w [${w}], ${JSON.stringify(attrs)}`;
    check(graph, [xs], naiveConv(xs, x, ws, w, bias, attrs), text);
  }
});

/** Each output gathers what reaches it, in the order iy, ix, ic. */
function naiveTranspose(x: Float32Array, xs: Four, w: Float32Array, ws: Four, attrs: TransposeConvAttrs): number[] {
  const [batch, height, width, channels] = xs;
  const [outputs, kh, kw] = ws;
  const { stride, padding, output } = attrs;
  const y = new Float32Array(batch * output[0] * output[1] * outputs);
  for (let n = 0; n < batch; n++) {
    for (let iy = 0; iy < height; iy++) {
      for (let ix = 0; ix < width; ix++) {
        for (let ic = 0; ic < channels; ic++) {
          for (let oc = 0; oc < outputs; oc++) {
            for (let ky = 0; ky < kh; ky++) {
              for (let kx = 0; kx < kw; kx++) {
                const [oy, ox] = [iy * stride[0] + ky - padding.top, ix * stride[1] + kx - padding.left];
                if (oy < 0 || oy >= output[0] || ox < 0 || ox >= output[1]) continue;
                const at = ((n * output[0] + oy) * output[1] + ox) * outputs + oc;
                const value = x[((n * height + iy) * width + ix) * channels + ic] as number;
                const weight = w[((oc * kh + ky) * kw + kx) * channels + ic] as number;
                y[at] = fround((y[at] as number) + fround(value * weight));
              }
            }
          }
        }
      }
    }
  }
  return [...y];
}

suite('transpose_conv2d cut off at every edge by another amount, or wider than what the windows reach', () => {
  const r = new Random(42);
  for (let tried = 0; tried < 60; tried++) {
    const x: Four = [r.int(1, 2), r.int(1, 5), r.int(1, 5), r.int(1, 5)];
    const w: Four = [r.int(1, 5), r.int(1, 4), r.int(1, 4), x[3]];
    const stride: [number, number] = [r.int(1, 3), r.int(1, 3)];
    const along = (axis: 0 | 1) => {
      const full = ((x[axis + 1] as number) - 1) * stride[axis] + (w[axis + 1] as number);
      const before = r.int(0, full - 1);
      return { before, output: r.int(1, full - before + 2) };
    };
    const [rows, columns] = [along(0), along(1)];
    const attrs: TransposeConvAttrs = {
      stride,
      padding: { top: rows.before, left: columns.before },
      output: [rows.output, columns.output],
      activation: 'none',
      rounding: 'double',
    };
    const [xs, ws] = [randomData(r, floats(...x)), randomData(r, floats(...w))] as [Float32Array, Float32Array];
    const graph = singleNode('transpose_conv2d', attrs, [{ type: floats(...x) }, { type: floats(...w), data: ws }]);
    const text = `x [${x}], w [${w}], ${JSON.stringify(attrs)}`;
    check(graph, [xs], naiveTranspose(xs, x, ws, w, attrs), text);
  }
});

suite.run();
