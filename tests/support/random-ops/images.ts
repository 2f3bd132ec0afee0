// Random nodes that look at images through windows or at another size.
import { ACTIVATIONS, ofRank, type Propose } from './request.ts';

const resize: Propose = (request) => {
  const { r, maxExtent } = request;
  const x = ofRank(request, 4);
  const flags = r.pick([{}, { alignCorners: true }, { halfPixelCenters: true }]);
  const size = [r.int(1, 2 * maxExtent), r.int(1, 2 * maxExtent)];
  return { operands: [{ type: x }], attrs: { size, ...flags }, quant: x.quant };
};

const pool: Propose = (request) => {
  const { r } = request;
  const x = ofRank(request, 4);
  const window = [r.int(1, 3), r.int(1, 3)];
  const padding = {
    top: r.int(0, window[0] - 1),
    bottom: r.int(0, window[0] - 1),
    left: r.int(0, window[1] - 1),
    right: r.int(0, window[1] - 1),
  };
  const attrs = { window, stride: [r.int(1, 3), r.int(1, 3)], padding, activation: r.pick(ACTIVATIONS) };
  return { operands: [{ type: x }], attrs, quant: x.quant };
};

export const IMAGES = {
  average_pool2d: pool,
  max_pool2d: pool,
  resize_nearest: resize,
  resize_bilinear: resize,
} satisfies Record<string, Propose>;
