/**
 * Products of windows and weights in the dual multiplies of Armv7E-M: convolution and fully connected layers, 8 bits or
 * 16 bits by 8.
 *
 *     for each tile of `lanes` pixels
 *       widen their inputs into a tile of halfwords            (gather.ts)
 *       for each group of `pairs` pairs of channels
 *         for each step of two inputs                          (packing.ts: one word holds both channels' weights)
 *           word = weights; low = SXTB16 word
 *           for each pixel: upper += SMLAD(x, word); lower += SMLAD(x, low)
 *         b = (upper - lower) >> 8, a = lower; scale and store both
 *
 * With quads of inputs to a word (packing.ts) both accumulators are plain sums. A single pixel whose tile would be large or
 * read but once or twice has none: its inputs are widened where they are multiplied.
 *
 * Zero points are folded into the biases. Where the pixels do not fill the last tile, its first lanes take what is left and
 * the others repeat what they have: their inputs are still in the tile, so that nothing is read that may be overwritten.
 */
import { add, affine, type Buffer, i32, min, mul, op, type Variable } from '../../../../ir/loop/build.ts';
import { ELEM_BYTES, type Expr } from '../../../../ir/loop/types.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { KernelBuilder, Optimize } from '../../kernel.ts';
import { padded } from '../../window.ts';
import { firstElements, Gather, isRowOfPixels, type PixelPlace, runsOf, slotsOf } from './gather.ts';
import { BYTE, firstOfPair, type Layer } from './layer.ts';
import { type ChannelWeights, fitsParts, fitsWhole, packedWords, quadWords, type Slots } from './packing.ts';
import { type ChannelPair, halves, type Scale, type Sum, scaleOf } from './scale.ts';
import { chooseShape, type Shape } from './shape.ts';

/** Dual products by one pair of channels in a trip from which on the loop around them takes little. */
const LOOPED_PRODUCTS = 24;
/** Bytes of a tile that no one minds. */
const SMALL_TILE = 2048;

interface Plan {
  readonly slots: Slots;
  /** Inputs are read byte by byte (gather.ts). */
  readonly isSingly: boolean;
  /** Parts of the inputs whose sums are put aside. */
  readonly blocks: number;
  readonly shape: Shape;
  readonly pixels: number;
  /** Groups of `shape.pairs` pairs in each group of channels. */
  readonly rounds: number;
}

function planOf(layer: Layer, optimize: Optimize): Plan {
  const { source, weights, channels } = layer;
  const { batch, input, output } = source.g;
  const pixels = batch * output.height * output.width;
  // As much as the layer's own input and output, but two kilobytes at least.
  const activations = batch * input.height * input.width * input.channels + pixels * output.channels;
  const tileBytes = Math.max(SMALL_TILE, ELEM_BYTES[source.elem] * activations);
  const directSteps = stepsTogether(layer, pixels);
  const isSingly = optimize === 'size' && source.elem === 'i8' && isRowOfPixels(source) && directSteps === undefined;
  const slots = slotsOf(runsOf(source), source.elem, isSingly);
  for (let blocks = 1; ; blocks++) {
    const extents = {
      pixels,
      groups: layer.groups,
      channels,
      steps: slots.length / 2,
      blocks,
      packing: layer.packing,
      tileBytes,
      directSteps,
    };
    const shape = chooseShape(extents, optimize);
    const length = 2 * shape.trips * shape.unroll;
    const fits =
      layer.packing === 'quads' || (blocks === 1 ? fitsWhole(layer.ranges) : fitsParts(weights, slots, length, BYTE));
    if (fits) return { slots, isSingly, blocks, shape, pixels, rounds: Math.ceil(channels / 2 / shape.pairs) };
  }
}

/**
 * Steps whose inputs one load brings, for a single pixel whose inputs lie together and divide into loads. With more pixels
 * results may take the place of inputs, which must then be read but once.
 */
function stepsTogether({ source, groups }: Layer, pixels: number): number | undefined {
  const perLoad = 4 / ELEM_BYTES[source.elem];
  const together = isRowOfPixels(source) && groups === 1 && source.depth % perLoad === 0;
  return together && pixels === 1 ? perLoad / 2 : undefined;
}

/** The distance of `Overlap` between the input and the output of a layer. */
export function productDistance(layer: Layer, optimize: Optimize): number {
  const { pixels, shape } = planOf(layer, optimize);
  const bytes = ELEM_BYTES[layer.source.elem];
  const outputs = layer.weights.length;
  const first = firstElements(layer.source);
  let distance = Number.NEGATIVE_INFINITY;
  let needed = Number.POSITIVE_INFINITY;
  for (let start = (Math.ceil(pixels / shape.lanes) - 1) * shape.lanes; start >= 0; start -= shape.lanes) {
    const end = Math.min(start + shape.lanes, pixels);
    const own = Math.min(...first.slice(start, end));
    // A tile is read before any of its outputs is stored, unless it is read again for other channels.
    const isReadOnce = layer.groups === 1 && !shape.direct;
    const after = isReadOnce ? needed : Math.min(needed, own);
    if (after < Number.POSITIVE_INFINITY) distance = Math.max(distance, (end * outputs - after) * bytes);
    needed = Math.min(needed, own);
  }
  return distance;
}

/** Builds the loops. */
export function buildProduct<K extends OpName>(k: KernelBuilder<K>, layer: Layer): void {
  const plan = planOf(layer, k.site.optimize);
  const { shape, pixels } = plan;
  const x = k.input(0, 'x');
  const words = k.rom('w', 'i32', wordTable(layer, plan));
  const scale = scaleOf(k, layer, pairsOf(layer, plan), layer.packing === 'pairs' && plan.blocks === 1);
  const y = k.output(0, 'y');
  const rest = pixels % shape.lanes;
  const tiles = Math.ceil(pixels / shape.lanes);
  const fill = shape.direct ? undefined : tileOf(k, layer, plan, x);
  forTiles(k, layer, plan, (t, place) => {
    k.for('group', 0, layer.groups, (group) => {
      const channel = layer.groups === 1 ? 0 : mul(group, layer.source.depth);
      k.for('lane', 0, fill === undefined ? 0 : shape.lanes, (lane) => {
        const pixel = k.let('pixel', affine([[t, shape.lanes]], lane));
        k.if(rest === 0 ? 1 : op('i32.lt_s', [pixel, pixels]), () => fill?.gather.pixel(pixel, channel, lane, place));
      });
      const inputs = fill?.tile ?? { x, start: mul(t, layer.source.depth) };
      const starts = laneStarts(k, plan, layer.weights.length, t, tiles);
      k.for(
        'round',
        0,
        plan.rounds,
        (round) => {
          buildBlock(k, { layer, plan, inputs, y, words, scale, starts, group, round });
        },
        keptIfSmall(k),
      );
    });
  });
}

/** Small code has loops for one trip, too: layers of more sizes share it. */
function keptIfSmall<K extends OpName>({ site }: KernelBuilder<K>): { kept: boolean } {
  return { kept: site.optimize === 'size' };
}

/**
 * The tiles of pixels; single pixels by rows, which need no division to tell their place, so that layers of many widths
 * share their code. Padded windows that move by single pixels count them: their sums are long, and slower in shared code.
 */
function forTiles<K extends OpName>(
  k: KernelBuilder<K>,
  { source }: Layer,
  { shape, pixels }: Plan,
  body: (tile: Expr, place?: PixelPlace) => void,
): void {
  const { batch, output } = source.g;
  const isDense = padded(source.g) && source.g.stride.every((step) => step === 1);
  if (shape.lanes > 1 || batch > 1 || isRowOfPixels(source) || isDense) {
    k.for('tile_index', 0, Math.ceil(pixels / shape.lanes), (t) => body(t), keptIfSmall(k));
    return;
  }
  k.for('row', 0, output.height, (row) => {
    k.for('ox', 0, output.width, (ox) => body(k.let('tile_index', affine([[row, output.width]], ox)), { row, ox }));
  });
}

/** Scratch memory for widened inputs, and what fills it. */
function tileOf<K extends OpName>(
  k: KernelBuilder<K>,
  { source }: Layer,
  { shape, blocks, isSingly }: Plan,
  x: Buffer,
) {
  const tile = k.scratch('tile', 'i32', blocks * shape.trips * shape.unroll * shape.lanes);
  return { tile, gather: new Gather(k, x, { words: tile, lanes: shape.lanes }, source, isSingly) };
}

/** Where in the output each lane's pixel begins. */
function laneStarts<K extends OpName>(
  k: KernelBuilder<K>,
  { shape, pixels }: Plan,
  outputs: number,
  t: Expr,
  tiles: number,
): Expr[] {
  const { lanes } = shape;
  const rest = pixels % lanes;
  const base = k.let('base', mul(t, lanes * outputs));
  const behind =
    rest === 0 || tiles === 1
      ? base
      : k.let(
          'behind',
          op('i32.select', [op('i32.eq', [t, tiles - 1]), mul(add(t, -1), lanes * outputs), mul(t, lanes * outputs)]),
        );
  return Array.from({ length: lanes }, (_, lane) => add(lane < rest || rest === 0 ? base : behind, lane * outputs));
}

interface Direct {
  readonly x: Buffer;
  readonly start: Expr;
}

/** What a block of outputs is made of. */
interface Block {
  readonly layer: Layer;
  readonly plan: Plan;
  /** The tile, or the image and where the pixel begins in it. */
  readonly inputs: Buffer | Direct;
  readonly y: Buffer;
  /** Words of weights: for each round, step and pair. */
  readonly words: Buffer;
  readonly scale: Scale;
  /** Where each lane's pixel begins in the output. */
  readonly starts: readonly Expr[];
  readonly group: Expr;
  readonly round: Expr;
}

/** The two accumulators of a pixel and a pair of channels, and what earlier blocks of inputs gave for the upper channel. */
interface Sums {
  readonly lower: Accumulator;
  readonly upper: Accumulator;
  readonly aside: Variable | undefined;
}

/**
 * A sum of dual products. In a loop it keeps its register. Where all products are written out each may have another, which
 * saves copies of the start, with which several sums begin.
 */
class Accumulator {
  private readonly k: KernelBuilder;
  private readonly register: Variable | undefined;
  private sum: Expr;

  constructor(k: KernelBuilder, name: string, start: Expr, inLoop: boolean) {
    this.k = k;
    this.register = inLoop ? k.variable(name, start) : undefined;
    this.sum = this.register?.value ?? start;
  }

  add(x: Expr, w: Expr): void {
    if (this.register === undefined) this.sum = this.k.let('sum', op('dsp.smlad_from', [x, w, this.sum]));
    else this.k.set(this.register, op('dsp.smlad', [x, w, this.sum]));
  }

  /** For sums in loops. */
  set(value: Expr): void {
    if (this.register !== undefined) this.k.set(this.register, value);
  }

  get value(): Expr {
    return this.sum;
  }
}

function buildBlock<K extends OpName>(k: KernelBuilder<K>, block: Block): void {
  const { plan, scale } = block;
  const { shape } = plan;
  const round = k.let('round_at', affine([[block.group, plan.rounds]], block.round));
  const pairs = range(shape.pairs).map((q) => affine([[round, shape.pairs]], q));
  const sums = pairs.map((pair) => startSums(k, plan, scale.start(pair)));
  k.for('part', 0, plan.blocks, (part) => {
    const steps = shape.trips * shape.unroll;
    const first = k.let('step_at', mul(affine([[round, plan.blocks]], part), steps));
    const multiply = block.layer.packing === 'pairs' ? multiplyPairs : multiplyQuads;
    k.for('i', 0, steps, (i) => multiply(k, block, sums, add(mul(part, steps), i), add(first, i)), {
      step: shape.unroll,
      kept: isLooped(plan),
    });
    for (const { lower, upper, aside } of sums.flat()) {
      if (aside === undefined) continue;
      const sum = op('i32.shr_s', [op('i32.sub_wrap', [upper.value, lower.value]), 8]);
      k.set(aside, op('i32.add_wrap', [aside.value, sum]));
      upper.set(lower.value);
    }
  });
  pairs.forEach((pair, q) => {
    storePair(k, block, { sums: sums[q] as Sums[], pair, q });
  });
}

/** Whether products stand in a loop: large blocks do even for one trip, so that layers of more lengths share their code. */
function isLooped({ shape, blocks }: Pick<Plan, 'shape' | 'blocks'>): boolean {
  return shape.trips * blocks > 1 || shape.lanes * shape.unroll >= LOOPED_PRODUCTS || shape.unroll === 1;
}

/** Accumulators of all pixels for one pair; `start` holds those of the lower and the upper channel as two words. */
function startSums<K extends OpName>(k: KernelBuilder<K>, { shape, blocks }: Plan, start: Expr): Sums[] {
  const [low, high] = halves(k.let('start', start));
  const builder = k as unknown as KernelBuilder;
  const inLoop = isLooped({ shape, blocks });
  return range(shape.lanes).map(() => ({
    lower: new Accumulator(builder, 'lower', low, inLoop),
    upper: new Accumulator(builder, 'upper', blocks === 1 ? high : low, inLoop),
    aside: blocks === 1 ? undefined : k.variable('aside', high),
  }));
}

/** One trip: `unroll` steps from step `at` of the tile and step `from` of the weights on. */
function multiplyPairs<K extends OpName>(
  k: KernelBuilder<K>,
  { plan: { shape }, inputs, words }: Block,
  sums: readonly (readonly Sums[])[],
  at: Expr,
  from: Expr,
): void {
  const { lanes, pairs, unroll } = shape;
  const nextX = inputReader(k, shape, inputs, at);
  const nextW = reader(k, 'w', words, mul(from, pairs), unroll * pairs, shape.pairedW);
  const accumulate = ({ lower, upper }: Sums, x: Expr, word: Expr, low: Expr): void => {
    lower.add(x, low);
    upper.add(x, word);
  };
  for (let step = 0; step < unroll; step++) {
    const shared = pairs === 1 ? undefined : range(lanes).map(nextX);
    for (const lane of sums) {
      const word = nextW();
      const low = k.let('low', op('dsp.sxtb16', [word]));
      lane.forEach((sum, p) => {
        accumulate(sum, shared?.[p] ?? nextX(), word, low);
      });
    }
  }
}

/** One trip of words that hold one channel's weights for two steps. */
function multiplyQuads<K extends OpName>(
  k: KernelBuilder<K>,
  { plan: { shape }, inputs, words }: Block,
  sums: readonly (readonly Sums[])[],
  at: Expr,
  from: Expr,
): void {
  const { lanes, pairs, unroll } = shape;
  const nextX = inputReader(k, shape, inputs, at);
  const nextW = reader(k, 'w', words, mul(from, pairs), unroll * pairs, shape.pairedW);
  const extended = (word: Expr, step: 0 | 1) =>
    k.let('extended', op(step === 0 ? 'dsp.sxtb16' : 'dsp.sxtb16_ror8', [word]));
  for (let step = 0; step < unroll; step += 2) {
    const both = lanes === 1 ? ([nextX(), nextX()] as const) : undefined;
    for (const lane of sums) {
      const [a, b] = [nextW(), nextW()];
      if (both !== undefined) {
        const [{ lower, upper }] = lane as [Sums];
        for (const half of [0, 1] as const) lower.add(both[half], extended(a, half));
        for (const half of [0, 1] as const) upper.add(both[half], extended(b, half));
        continue;
      }
      for (const half of [0, 1] as const) {
        const [low, high] = [extended(a, half), extended(b, half)];
        for (const { lower, upper } of lane) {
          const x = nextX();
          lower.add(x, low);
          upper.add(x, high);
        }
      }
    }
  }
}

/** Gives the words of inputs from step `at` on. */
function inputReader<K extends OpName>(
  k: KernelBuilder<K>,
  { lanes, unroll, pairedX }: Shape,
  inputs: Buffer | Direct,
  at: Expr,
): () => Expr {
  if (!('x' in inputs)) return reader(k, 'x', inputs, mul(at, lanes), unroll * lanes, pairedX);
  const { x, start } = inputs;
  const first = add(start, mul(at, 2));
  let next = 0;
  let second: Expr | undefined;
  return () => {
    const index = add(first, 2 * next++);
    if (x.param.elem === 'i16') return k.let('x', x.at(index, 'i32'));
    if (second !== undefined) {
      const word = second;
      second = undefined;
      return word;
    }
    const bytes = k.let('bytes', x.at(index, 'i32'));
    const low = k.let('x', op('dsp.sxtb16', [bytes]));
    second = k.let('x', op('dsp.sxtb16_ror8', [bytes]));
    return low;
  };
}

/** Gives the words of a buffer from `start` on, loaded one by one or by twos. */
function reader<K extends OpName>(
  k: KernelBuilder<K>,
  name: string,
  buffer: Buffer,
  start: Expr,
  count: number,
  paired: boolean,
): () => Expr {
  let next = 0;
  let second: Expr | undefined;
  return () => {
    const at = next++;
    if (second !== undefined) {
      const word = second;
      second = undefined;
      return word;
    }
    if (!paired || at + 1 === count) return k.let(name, buffer.at(add(start, at), 'i32_ordered'));
    const [first, other] = halves(k.let(name, buffer.at(add(start, at), 'i64_ordered')));
    second = other;
    return first;
  };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

interface FinishedPair {
  readonly sums: readonly Sums[];
  /** Among all pairs, and within the round. */
  readonly pair: Expr;
  readonly q: number;
}

function storePair<K extends OpName>(k: KernelBuilder<K>, block: Block, { sums, pair, q }: FinishedPair): void {
  const { plan, group, round, starts, y } = block;
  const { shape } = plan;
  const { channels } = block.layer;
  const plain = affine([[round, 2 * shape.pairs]], 2 * q);
  // Long sums by many pixels test the last pair even where it is whole: layers of more shapes share their code.
  const isShared = (shape.lanes > 2 && isLooped(plan)) || k.site.optimize === 'size';
  const isPlain = !isShared && 2 * ((plan.rounds - 1) * shape.pairs + q) <= channels - 2;
  const inGroup = isPlain ? plain : channels === 1 ? i32(0) : min(plain, channels - 2);
  const channel = k.let('channel', affine([[group, channels]], inGroup));
  const [scaleLower, scaleUpper] = block.scale.finish(pair, channel);
  sums.forEach((sum, p) => {
    const at = add(starts[p] as Expr, channel);
    const lower = k.let('byte', scaleLower(plainSum(sum.lower)));
    if (channels === 1) k.store(y, at, lower);
    else storeBoth(k, y, at, lower, scaleUpper(upperOf(k, block, sum)));
  });
}

/** Two results side by side, at any alignment. */
function storeBoth<K extends OpName>(k: KernelBuilder<K>, y: Buffer, at: Expr, lower: Expr, upper: Expr): void {
  if (y.param.elem === 'i8') k.store(y, at, op('dsp.bfi8', [lower, upper]), 'i16');
  else k.store(y, at, op('dsp.pkhbt', [lower, upper]), 'i32');
}

function plainSum({ value }: { readonly value: Expr }): Sum {
  return (twice) => (twice ? op('i32.shl', [value, 1]) : value);
}

function upperOf<K extends OpName>(k: KernelBuilder<K>, { layer }: Block, { lower, upper, aside }: Sums): Sum {
  if (layer.packing === 'quads') return plainSum(upper);
  if (aside !== undefined) return plainSum(aside);
  const difference = k.let('difference', op('i32.sub_wrap', [upper.value, lower.value]));
  return (twice) => op('i32.shr_s', [difference, twice ? 7 : 8]);
}

/** The channels of every pair, group after group, round after round. */
function pairsOf({ groups, channels }: Layer, { rounds, shape }: Plan): ChannelPair[] {
  return range(groups).flatMap((group) =>
    range(rounds * shape.pairs).map((pair) => {
      const lower = group * channels + firstOfPair(pair, channels);
      return { lower, upper: channels === 1 ? undefined : lower + 1 };
    }),
  );
}

/** The weights, as words in the order of the loops. */
function wordTable(layer: Layer, plan: Plan): Int32Array {
  const { shape, blocks, rounds, slots } = plan;
  const perBlock = shape.trips * shape.unroll;
  const steps = blocks * perBlock;
  const table = new Int32Array(layer.groups * rounds * shape.pairs * steps);
  pairsOf(layer, plan).forEach(({ lower, upper }, i) => {
    const b = upper === undefined ? undefined : layer.weights[upper];
    const a = layer.weights[lower] as ChannelWeights;
    const round = Math.floor(i / shape.pairs);
    const place = (step: number) => (round * steps + step) * shape.pairs;
    if (layer.packing === 'quads') {
      [a, b].forEach((of, channel) => {
        (of === undefined ? [] : quadWords(of, slots)).forEach((word, j) => {
          table[place(2 * j) + 2 * (i % shape.pairs) + channel] = word;
        });
      });
      return;
    }
    packedWords(a, b, slots).forEach((word, step) => {
      table[place(step) + (i % shape.pairs)] = word;
    });
  });
  return table;
}
