// Random nodes that look at images through windows or at another size.
import { ACTIVATIONS, ofRank, type Propose, type Request } from './request.ts';

const resize: Propose = (request) => {
  const { r, maxExtent } = request;
  const x = ofRank(request, 4);
  const flags = r.pick([{}, { alignCorners: true }, { halfPixelCenters: true }]);
  const size = [r.int(1, 2 * maxExtent), r.int(1, 2 * maxExtent)];
  return { operands: [{ type: x }], attrs: { size, ...flags }, quant: x.quant };
};

function window(request: Request) {
  const { r } = request;
  const size = [r.int(1, 3), r.int(1, 3)] as const;
  const dilation = r.chance(0.3) ? ([r.int(1, 2), r.int(1, 2)] as const) : undefined;
  const within = (axis: 0 | 1) => r.int(0, (size[axis] - 1) * (dilation?.[axis] ?? 1));
  return {
    window: size,
    stride: [r.int(1, 3), r.int(1, 3)],
    ...(dilation === undefined ? {} : { dilation }),
    padding: { top: within(0), bottom: within(0), left: within(1), right: within(1) },
    activation: r.pick(ACTIVATIONS),
  };
}

const max_pool2d: Propose = (request) => {
  const x = ofRank(request, 4);
  return { operands: [{ type: x }], attrs: window(request), quant: x.quant };
};

const average_pool2d: Propose = (request) => {
  const { r } = request;
  const x = ofRank(request, 4);
  const attrs = window(request);
  const { top, bottom, left, right } = attrs.padding;
  const counted = { top: r.int(0, top), bottom: r.int(0, bottom), left: r.int(0, left), right: r.int(0, right) };
  const some = x.dtype === 'f32' ? r.pick([{}, { counted }, { counted: attrs.padding }]) : {};
  return { operands: [{ type: x }], attrs: { ...attrs, ...some }, quant: x.quant };
};

export const IMAGES = {
  average_pool2d,
  max_pool2d,
  resize_nearest: resize,
  resize_bilinear: resize,
} satisfies Record<string, Propose>;
