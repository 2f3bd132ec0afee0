/** Ops that trade rows and columns for channels or batches, block by block. */
import { z } from 'zod';
import { defineOp, OpError, signaturesFor } from '../op.ts';
import { elementCount, sameQuant, type Tensor, type TensorType, typeText } from '../types.ts';
import { MOVED_DTYPES, moved, placeIn, storedZero } from './places.ts';
import { expectRank, extent } from './shared.ts';

const blockAttrs = z.strictObject({ block: extent });
export type BlockAttrs = z.infer<typeof blockAttrs>;
type Image = [batch: number, height: number, width: number, channels: number];

const depth_to_space = defineOp<BlockAttrs>({
  doc:
    'y[n, h, w, c] = x[n, h div b, w div b, ((h mod b) * b + w mod b) * channels + c]: every pixel becomes a block of ' +
    'b by b pixels with as many times fewer channels.',
  attrs: blockAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', MOVED_DTYPES),
  traits: { movement: true },
  infer({ inputs, attrs: { block } }) {
    const [x] = inputs as [TensorType];
    expectRank(x, 4, 'x');
    const [n, h, w, c] = x.shape as Image;
    if (c % (block * block) !== 0) {
      throw new OpError(`expected channels in multiples of ${block * block}, found ${typeText(x)}`);
    }
    return [[n, h * block, w * block, c / (block * block)]];
  },
  evaluate({ inputs, outputs, attrs: { block } }) {
    const [{ type, data }] = inputs as [Tensor];
    const channels = outputs[0]?.shape[3] as number;
    return moved(outputs[0] as TensorType, data, (index) => {
      const [n, h, w, c] = index as Image;
      const depth = ((h % block) * block + (w % block)) * channels + c;
      return placeIn(type.shape, [n, Math.floor(h / block), Math.floor(w / block), depth]);
    });
  },
});

const space_to_depth = defineOp<BlockAttrs>({
  doc: 'The inverse of depth_to_space: every block of b by b pixels becomes one pixel with b * b times as many channels.',
  attrs: blockAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', MOVED_DTYPES),
  traits: { movement: true },
  infer({ inputs, attrs: { block } }) {
    const [x] = inputs as [TensorType];
    expectRank(x, 4, 'x');
    const [n, h, w, c] = x.shape as Image;
    if (h % block !== 0 || w % block !== 0) {
      throw new OpError(`expected a height and width in multiples of ${block}, found ${typeText(x)}`);
    }
    return [[n, h / block, w / block, c * block * block]];
  },
  evaluate({ inputs, outputs, attrs: { block } }) {
    const [{ type, data }] = inputs as [Tensor];
    const channels = type.shape[3] as number;
    return moved(outputs[0] as TensorType, data, (index) => {
      const [n, h, w, depth] = index as Image;
      const tap = Math.floor(depth / channels);
      return placeIn(type.shape, [n, h * block + Math.floor(tap / block), w * block + (tap % block), depth % channels]);
    });
  },
});

const pair = z.tuple([z.number().int().min(0), z.number().int().min(0)]);
/** Axes 1 to block.length are the spatial ones; `margins` are what is cropped from or padded to them, before and after. */
const batchAttrs = z.strictObject({ block: z.array(extent).min(1).max(6), margins: z.array(pair) });
export type BatchAttrs = z.infer<typeof batchAttrs>;

function checkBatch(x: TensorType, { block, margins }: BatchAttrs): void {
  if (margins.length !== block.length || x.shape.length < block.length + 1) {
    throw new OpError(`expected as many margins as the ${block.length} block extents, and more axes in ${typeText(x)}`);
  }
}

const batch_to_space = defineOp<BatchAttrs>({
  doc:
    'Spreads blocks of batches over space: with q = p + margins before, y[n, p.., c] = ' +
    'x[(row-major place of q mod block in block) * batches + n, q div block.., c].',
  attrs: batchAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', MOVED_DTYPES),
  traits: { movement: true },
  infer({ inputs, attrs }) {
    const [x] = inputs as [TensorType];
    checkBatch(x, attrs);
    const { block, margins } = attrs;
    const batches = (x.shape[0] as number) / elementCount(block);
    const spatial = block.map((b, i) => {
      const [before, after] = margins[i] as [number, number];
      return (x.shape[i + 1] as number) * b - before - after;
    });
    if (!Number.isInteger(batches) || spatial.some((count) => count < 1)) {
      throw new OpError(
        `expected batches in blocks of [${block}] and less cropping than extents, found ${typeText(x)}`,
      );
    }
    return [[batches, ...spatial, ...x.shape.slice(block.length + 1)]];
  },
  evaluate({ inputs, outputs, attrs: { block, margins } }) {
    const [{ type, data }] = inputs as [Tensor];
    const y = outputs[0] as TensorType;
    return moved(y, data, ([n, ...rest]) => {
      const q = margins.map(([before], i) => (rest[i] as number) + before);
      const tap = placeIn(
        block,
        q.map((place, i) => place % (block[i] as number)),
      );
      const inner = q.map((place, i) => Math.floor(place / (block[i] as number)));
      const batch = tap * (y.shape[0] as number) + (n as number);
      return placeIn(type.shape, [batch, ...inner, ...rest.slice(block.length)]);
    });
  },
});

const space_to_batch = defineOp<BatchAttrs>({
  doc:
    'The inverse of batch_to_space: pads the spatial axes with the real 0 (the zero point where there is one), cuts them ' +
    'into blocks, and moves the places within the blocks in front of the batches.',
  attrs: batchAttrs,
  inputs: ['x'],
  outputs: ['y'],
  signatures: signaturesFor('T -> T', MOVED_DTYPES),
  traits: {},
  infer({ inputs, attrs }) {
    const [x] = inputs as [TensorType];
    checkBatch(x, attrs);
    const { block, margins } = attrs;
    const spatial = block.map((b, i) => {
      const [before, after] = margins[i] as [number, number];
      return ((x.shape[i + 1] as number) + before + after) / b;
    });
    if (!spatial.every(Number.isInteger)) {
      throw new OpError(`expected padded extents in multiples of [${block}], found ${typeText(x)} with [${margins}]`);
    }
    return [[(x.shape[0] as number) * elementCount(block), ...spatial, ...x.shape.slice(block.length + 1)]];
  },
  check({ inputs: [x], outputs: [y] }) {
    if (x === undefined || y === undefined || sameQuant(x.quant, y.quant)) return undefined;
    return `expected the quantization of ${typeText(x)}, found ${typeText(y)}`;
  },
  evaluate({ inputs, outputs, attrs: { block, margins } }) {
    const [{ type, data }] = inputs as [Tensor];
    const batches = type.shape[0] as number;
    const placeOf = ([out, ...rest]: readonly number[]): number | undefined => {
      let tap = Math.floor((out as number) / batches);
      const taps = block.map(() => 0);
      for (let i = block.length - 1; i >= 0; i--) {
        taps[i] = tap % (block[i] as number);
        tap = Math.floor(tap / (block[i] as number));
      }
      const inner = margins.map(
        ([before], i) => (rest[i] as number) * (block[i] as number) + (taps[i] as number) - before,
      );
      if (inner.some((place, i) => place < 0 || place >= (type.shape[i + 1] as number))) return undefined;
      return placeIn(type.shape, [(out as number) % batches, ...inner, ...rest.slice(block.length)]);
    };
    return moved(outputs[0] as TensorType, data, placeOf, storedZero(type));
  },
});

export const BLOCK_OPS = { depth_to_space, space_to_depth, batch_to_space, space_to_batch } as const;
