/** What the ops move that trade rows and columns for channels or batches. */
import type { BatchAttrs } from '../../../ir/tensor/ops/blocks.ts';
import { storedZero } from '../../../ir/tensor/ops/places.ts';
import { stridesOf, type TensorType } from '../../../ir/tensor/types.ts';
import type { Box, Walk } from '../boxes.ts';
import type { Site } from '../kernel.ts';

type BlockSite = Site<'depth_to_space'> | Site<'space_to_depth'>;

/** The walks over rows, rows of a block, columns, columns of a block, and channels of the shallow image. */
function depthWalks(wide: TensorType, deep: TensorType, block: number): { shape: number[]; wide: Walk; deep: Walk } {
  const [n, h, w, channels] = deep.shape as [number, number, number, number];
  const depth = channels / (block * block);
  const [wideN, wideH, wideW] = stridesOf(wide.shape) as [number, number, number, number];
  const [deepN, deepH, deepW] = stridesOf(deep.shape) as [number, number, number, number];
  return {
    shape: [n, h, block, w, block, depth],
    wide: { start: 0, strides: [wideN, wideH * block, wideH, wideW * block, wideW, 1] },
    deep: { start: 0, strides: [deepN, deepH, block * depth, deepW, depth, 1] },
  };
}

function ends(site: BlockSite | BatchSite): [x: TensorType, y: TensorType] {
  return [site.inputs[0] as TensorType, site.outputs[0] as TensorType];
}

function depth_to_space(site: Site<'depth_to_space'>): Box[] {
  const [x, y] = ends(site);
  const { shape, wide, deep } = depthWalks(y, x, site.attrs.block);
  return [{ source: { operand: 0 }, shape, from: deep, to: wide }];
}

function space_to_depth(site: Site<'space_to_depth'>): Box[] {
  const [x, y] = ends(site);
  const { shape, wide, deep } = depthWalks(x, y, site.attrs.block);
  return [{ source: { operand: 0 }, shape, from: wide, to: deep }];
}

type BatchSite = Site<'batch_to_space'> | Site<'space_to_batch'>;

/** Places `first` to `first + count - 1` of a block, which all see the inner rows `low` to `low + rows - 1`. */
interface Run {
  readonly first: number;
  readonly count: number;
  readonly low: number;
  readonly rows: number;
}

/** Inner row r at block place t is row r * block + t - before of the wide image, which has `extent` rows. */
function runsOf(block: number, before: number, extent: number): Run[] {
  const runs: Run[] = [];
  for (let place = 0; place < block; place++) {
    const low = Math.max(Math.ceil((before - place) / block), 0);
    const rows = Math.ceil((extent + before - place) / block) - low;
    const last = runs.at(-1);
    if (last?.low === low && last.rows === rows) runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ first: place, count: 1, low, rows });
  }
  return runs.filter(({ rows }) => rows > 0);
}

/** Every choice of one entry of each list. */
function choices<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((rows, list) => rows.flatMap((row) => list.map((entry) => [...row, entry])), [[]]);
}

interface Correspondence {
  readonly shape: readonly number[];
  /** The image with large rows and columns. */
  readonly wide: Walk;
  /** The image with many batches. */
  readonly many: Walk;
}

function batchWalks(wide: TensorType, many: TensorType, { block, margins }: BatchAttrs): Correspondence[] {
  const wideStrides = stridesOf(wide.shape);
  const manyStrides = stridesOf(many.shape);
  const spatial = block.length;
  const batches = wide.shape[0] as number;
  const places = stridesOf(block).map((stride) => stride * batches * (manyStrides[0] as number));
  const runs = block.map((b, i) => runsOf(b, (margins[i] as [number, number])[0], wide.shape[i + 1] as number));
  return choices(runs).map((chosen) => {
    const rowStrides = block.map((b, i) => b * (wideStrides[i + 1] as number));
    const sum = (term: (run: Run, i: number) => number) => chosen.reduce((total, run, i) => total + term(run, i), 0);
    return {
      shape: [
        ...chosen.map((run) => run.count),
        batches,
        ...chosen.map((run) => run.rows),
        ...wide.shape.slice(spatial + 1),
      ],
      wide: {
        start: sum(
          ({ low, first }, i) =>
            (low * (block[i] as number) + first - (margins[i] as [number, number])[0]) * (wideStrides[i + 1] as number),
        ),
        strides: [
          ...wideStrides.slice(1, spatial + 1),
          wideStrides[0] as number,
          ...rowStrides,
          ...wideStrides.slice(spatial + 1),
        ],
      },
      many: {
        start: sum(({ low, first }, i) => first * (places[i] as number) + low * (manyStrides[i + 1] as number)),
        strides: [...places, manyStrides[0] as number, ...manyStrides.slice(1)],
      },
    };
  });
}

function batch_to_space(site: Site<'batch_to_space'>): Box[] {
  const [x, y] = ends(site);
  return batchWalks(y, x, site.attrs).map(({ shape, wide, many }) => ({
    source: { operand: 0 },
    shape,
    from: many,
    to: wide,
  }));
}

function space_to_batch(site: Site<'space_to_batch'>): Box[] {
  const [x, y] = ends(site);
  const copies = batchWalks(x, y, site.attrs).map(
    ({ shape, wide, many }): Box => ({ source: { operand: 0 }, shape, from: wide, to: many }),
  );
  const walk = { start: 0, strides: stridesOf(y.shape) };
  const fill: Box = { source: { fill: Number(storedZero(x)) }, shape: y.shape, from: walk, to: walk };
  return site.attrs.margins.flat().some((margin) => margin > 0) ? [fill, ...copies] : copies;
}

export const BLOCK_BOXES = { depth_to_space, space_to_depth, batch_to_space, space_to_batch } as const;
