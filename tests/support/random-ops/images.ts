// Random nodes that look at images through windows or at another size.
import { ofRank, type Propose } from './request.ts';

const resize: Propose = (request) => {
  const { r, maxExtent } = request;
  const x = ofRank(request, 4);
  const flags = r.pick([{}, { alignCorners: true }, { halfPixelCenters: true }]);
  const size = [r.int(1, 2 * maxExtent), r.int(1, 2 * maxExtent)];
  return { operands: [{ type: x }], attrs: { size, ...flags }, quant: x.quant };
};

export const IMAGES = { resize_nearest: resize, resize_bilinear: resize } satisfies Record<string, Propose>;
