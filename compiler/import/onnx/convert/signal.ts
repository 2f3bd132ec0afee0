/** Fourier transforms as products with matrices of cosines and sines, computed in double at import. */
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';

/**
 * Signals [.., n, 1 or 2] to spectra [.., m, 2] (or [.., m, 1] of the real inverse): y[k] = sum over n of
 * x[n] * e^(-+2 pi i k n / length), over length for the inverse.
 */
function transformed(node: NodeContext, x: Value, length: number, inverse: boolean, onesided: boolean): Value {
  const { ops } = node;
  const rank = x.type.shape.length;
  const complex = x.type.shape[rank - 1] === 2;
  const used = Math.min(x.type.shape[rank - 2], length);
  const signal = ops.part(x, rank - 2, 0, used);
  const real = inverse && onesided;
  const bins = onesided && !inverse ? Math.floor(length / 2) + 1 : length;
  const parts = complex ? 2 : 1;
  const outputs = real ? 1 : 2;
  const matrix = new Float32Array(used * parts * bins * outputs);
  for (let n = 0; n < used; n++) {
    // The half that a one-sided spectrum leaves out mirrors the other, but for its ends.
    const mirrored = real && n > 0 && 2 * n !== length ? 2 : 1;
    for (let k = 0; k < bins; k++) {
      const angle = (2 * Math.PI * ((k * n) % length)) / length;
      const weight = inverse ? mirrored / length : 1;
      const [cos, sin] = [weight * Math.cos(angle), (inverse ? 1 : -1) * weight * Math.sin(angle)];
      const at = (part: number, output: number) => ((n * parts + part) * bins + k) * outputs + output;
      matrix[at(0, 0)] = cos;
      if (!real) matrix[at(0, 1)] = sin;
      if (complex) matrix[at(1, 0)] = -sin;
      if (complex && !real) matrix[at(1, 1)] = cos;
    }
  }
  const lead = signal.type.shape.slice(0, rank - 2);
  const rows = ops.reshape(signal, [...lead, 1, used * parts]);
  const product = ops.matmul(rows, ops.f32s(matrix, [used * parts, bins * outputs]));
  return ops.reshape(product, [...lead, bins, outputs]);
}

const dft: Converter = (node) => {
  const { ops, attributes } = node;
  const x = node.input(0);
  const rank = x.type.shape.length;
  const stated = node.version >= 20 ? node.number(2, 'the axis', -2) : attributes.int('axis', 1);
  const axis = node.axis(stated, rank);
  const inverse = attributes.flag('inverse', false);
  const onesided = attributes.flag('onesided', false);
  const extent = x.type.shape[axis];
  const length = node.number(1, 'the length', inverse && onesided ? 2 * (extent - 1) : extent);
  if (!(length >= 1 && length <= 2 ** 14)) return node.refuse('a length of 1 to 16384', `${length}`);
  const moved = ops.moveAxis(x, axis, rank - 2);
  return ops.moveAxis(transformed(node, moved, length, inverse, onesided), rank - 2, axis);
};

/** Frames of the signal, each times the window, transformed. */
const stft: Converter = (node) => {
  const { ops } = node;
  const x = node.input(0);
  const step = node.number(1, 'the frame step');
  const stated = node.optional(2);
  const length = node.number(3, 'the frame length', stated?.type.shape[0] ?? x.type.shape[1]);
  const onesided = node.attributes.flag('onesided', true);
  const parts = x.type.shape.length === 3 ? x.type.shape[2] : 1;
  const signal = ops.reshape(x, [x.type.shape[0], x.type.shape[1], parts]);
  const frames = Math.floor((x.type.shape[1] - length) / step) + 1;
  if (!(frames >= 1 && length >= 1 && step >= 1))
    return node.refuse('frames within the signal', `length ${length}, step ${step}`);
  const places = Array.from({ length: frames * length }, (_, i) => Math.floor(i / length) * step + (i % length));
  const rows = ops.gather(signal, ops.i32s(places, [frames, length]), 1);
  const weighted = stated === undefined ? rows : ops.mul(rows, ops.reshape(stated, [length, 1]));
  return transformed(node, weighted, length, false, onesided);
};

export const SIGNAL: Converters = { DFT: dft, STFT: stft };
