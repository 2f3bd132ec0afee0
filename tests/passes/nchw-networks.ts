// Networks as an importer of channels-first files leaves them: every layer between two transposes, everything else on NCHW.
import type { Graph } from '../../ir/tensor/graph.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import type { Random } from '../support/random.ts';

export type Shape = readonly number[];
type Pair = readonly [number, number];

const TO_NHWC = [0, 2, 3, 1];
const TO_NCHW = [0, 3, 1, 2];

/** Writes a graph as text, value by value. */
export class NchwWriter {
  readonly #lines: string[] = [];
  readonly #shapes = new Map<string, Shape>();
  readonly #r: Random;
  /** Whether values are eighths of small integers, whose sums and products are exact in any order. */
  readonly #isExact: boolean;

  constructor(r: Random, isExact = false) {
    this.#r = r;
    this.#isExact = isExact;
  }

  shape(value: string): Shape {
    return this.#shapes.get(value) as Shape;
  }

  graph(...outputs: string[]): Graph {
    return parseGraph(`graph g {\n${[...this.#lines, ...outputs.map((name) => `output ${name}`)].join('\n')}\n}`);
  }

  #define(shape: Shape): string {
    const name = `%v${this.#shapes.size}`;
    this.#shapes.set(name, shape);
    return name;
  }

  input(shape: Shape): string {
    const name = this.#define(shape);
    this.#lines.push(`input ${name} : f32[${shape}]`);
    return name;
  }

  constant(shape: Shape, given?: readonly number[]): string {
    const name = this.#define(shape);
    const count = shape.reduce((product, extent) => product * extent, 1);
    const draw = () => (this.#isExact ? this.#r.int(-4, 4) / 8 : this.#r.unit() * 2 - 1);
    this.#lines.push(`const ${name} : f32[${shape}] dense = [${given ?? Array.from({ length: count }, draw)}]`);
    return name;
  }

  op(op: string, inputs: readonly string[], shape: Shape, attrs: object = {}): string {
    const name = this.#define(shape);
    this.#lines.push(`${name} : f32[${shape}] = ${op}(${inputs.join(', ')}) ${JSON.stringify(attrs)}`);
    return name;
  }

  /** An op that leaves the shape of its first operand. */
  map(op: string, ...inputs: string[]): string {
    return this.op(op, inputs, this.shape(inputs[0]));
  }

  transpose(x: string, permutation: readonly number[]): string {
    const shape = permutation.map((axis) => this.shape(x)[axis]);
    return this.op('transpose', [x], shape, { permutation });
  }

  reshape(x: string, shape: Shape): string {
    return this.op('reshape', [x], shape, { shape });
  }

  /** A layer that works on NHWC, between transposes. */
  #onImages(
    op: string,
    x: string,
    operands: readonly string[],
    [height, width]: Pair,
    channels: number,
    attrs: object,
  ) {
    const image = this.transpose(x, TO_NHWC);
    const y = this.op(op, [image, ...operands], [this.shape(x)[0], height, width, channels], attrs);
    return this.transpose(y, TO_NCHW);
  }

  conv(x: string, channels: number, kernel = 1, margin = 0): string {
    const [, depth, height, width] = this.shape(x);
    const operands = [this.constant([channels, kernel, kernel, depth]), this.constant([channels])];
    const padding = { top: margin, bottom: margin, left: margin, right: margin };
    const size: Pair = [height + 2 * margin - kernel + 1, width + 2 * margin - kernel + 1];
    return this.#onImages('conv2d', x, operands, size, channels, { stride: [1, 1], padding });
  }

  depthwise(x: string): string {
    const [, depth, height, width] = this.shape(x);
    const padding = { top: 1, bottom: 1, left: 1, right: 1 };
    const attrs = { stride: [1, 1], padding };
    return this.#onImages('depthwise_conv2d', x, [this.constant([1, 3, 3, depth])], [height, width], depth, attrs);
  }

  maxPool(x: string): string {
    const [, depth, height, width] = this.shape(x);
    const padding = { top: 1, bottom: 1, left: 1, right: 1 };
    const attrs = { window: [3, 3], stride: [1, 1], padding };
    return this.#onImages('max_pool2d', x, [], [height, width], depth, attrs);
  }

  upsample(x: string): string {
    const [, depth, height, width] = this.shape(x);
    const size: Pair = [2 * height, 2 * width];
    return this.#onImages('resize_nearest', x, [], size, depth, { size });
  }

  /** Batch normalization: a factor and an offset per channel. */
  normalize(x: string): string {
    const shape = [this.shape(x)[1], 1, 1];
    return this.map('add', this.map('mul', x, this.constant(shape)), this.constant(shape));
  }

  pad(x: string, margin: number): string {
    const [n, c, h, w] = this.shape(x);
    const margins = [0, 0, margin, margin];
    return this.op('pad', [x], [n, c, h + 2 * margin, w + 2 * margin], { before: margins, after: margins });
  }

  concat(a: string, b: string): string {
    const [n, c, h, w] = this.shape(a);
    return this.op('concat', [a, b], [n, c + this.shape(b)[1], h, w], { axis: 1 });
  }

  /** The channels from `start` on. */
  channels(x: string, start: number, count: number): string {
    const [n, , h, w] = this.shape(x);
    const attrs = { start: [0, start, 0, 0], stride: [1, 1, 1, 1], size: [n, count, h, w] };
    return this.op('slice', [x], [n, count, h, w], attrs);
  }

  globalMean(x: string): string {
    const [n, c] = this.shape(x);
    return this.op('mean', [x], [n, c, 1, 1], { axes: [2, 3], keepDims: true });
  }

  residual(x: string): string {
    const channels = this.shape(x)[1];
    const inner = this.map('relu', this.normalize(this.conv(x, channels, 3, 1)));
    return this.map('relu', this.map('add', this.normalize(this.conv(inner, channels)), x));
  }

  squeezeExcite(x: string): string {
    const squeezed = this.map('relu', this.conv(this.globalMean(x), 2));
    return this.map('mul', x, this.map('logistic', this.conv(squeezed, this.shape(x)[1])));
  }

  /** Channels of two groups take turns. */
  shuffle(x: string): string {
    const [n, c, h, w] = this.shape(x);
    const groups = this.reshape(x, [n, 2, c / 2, h, w]);
    return this.reshape(this.transpose(groups, [0, 2, 1, 3, 4]), [n, c, h, w]);
  }

  /** Softmax over the channels, brought inside. */
  softmax(x: string): string {
    return this.transpose(this.map('softmax', this.transpose(x, TO_NHWC)), TO_NCHW);
  }

  flattened(x: string): string {
    const [n, ...rest] = this.shape(x);
    return this.reshape(x, [n, rest.reduce((product, extent) => product * extent, 1)]);
  }

  fullyConnected(x: string, units: number): string {
    const [n, depth] = this.shape(x);
    return this.op('fully_connected', [x, this.constant([units, depth]), this.constant([units])], [n, units]);
  }
}

export interface NchwNetwork {
  readonly graph: Graph;
  /** How often channels change places: each time is one transpose that has to be. */
  readonly shuffles: number;
}

/** Blocks of known networks in random order, between a convolution and a global mean. */
export function randomNchwNetwork(r: Random, blocks = 4): NchwNetwork {
  const net = new NchwWriter(r);
  let x = net.conv(net.input([r.int(1, 2), 3, 4, 5]), 4, 3, 1);
  let shuffles = 0;
  const kinds: (() => string)[] = [
    () => net.residual(x),
    () => net.squeezeExcite(x),
    () => net.map('tanh', net.depthwise(x)),
    () => net.maxPool(x),
    () => net.conv(net.pad(x, 1), 4, 3),
    () => net.softmax(x),
    () => net.concat(net.channels(x, 2, 2), net.conv(net.channels(x, 0, 2), 2)),
    () => net.conv(net.concat(x, net.map('logistic', net.conv(x, 2))), 4),
    () => net.map('sub', net.upsample(x), net.upsample(net.conv(x, 4))),
    () => {
      shuffles++;
      return net.conv(net.shuffle(x), 4);
    },
  ];
  for (let block = 0; block < blocks; block++) x = r.pick(kinds)();
  const pooled = net.globalMean(net.conv(x, 4));
  const [n, c] = net.shape(pooled);
  return { graph: net.graph(net.fullyConnected(net.reshape(pooled, [n, c]), 3)), shuffles };
}
