// Random small networks whose layers have idle and equal channels: rows and columns of zeros, copies of rows, borders,
// forks, joins, and channels that reach outputs.
import type { Constant, Graph, Node, ValueName } from '../../../ir/tensor/graph.ts';
import { matches } from '../../../ir/tensor/op.ts';
import { type OpName, opRecord } from '../../../ir/tensor/ops/index.ts';
import {
  DENSE,
  type DType,
  elementCount,
  NO_QUANT,
  newData,
  sameQuant,
  type TensorType,
} from '../../../ir/tensor/types.ts';
import { assertValid } from '../../../ir/tensor/verify.ts';
import { Random } from '../../support/random.ts';
import { randomScale, unit } from '../../support/random-ops/request.ts';

export function channelNetwork(seed: number): Graph {
  const builder = new Builder(new Random(seed));
  for (let i = builder.r.int(3, 8); i > 0; i--) builder.layer();
  const graph = builder.finish();
  assertValid(graph);
  return graph;
}

class Builder {
  readonly r: Random;
  private readonly dtype: 'i8' | 'u8' | 'i16';
  private readonly types = new Map<ValueName, TensorType>();
  private readonly constants = new Map<ValueName, Constant>();
  private readonly nodes: Node[] = [];
  /** Images that layers may read, the newest last. */
  private readonly images: ValueName[] = [];

  constructor(r: Random) {
    this.r = r;
    this.dtype = r.pick(['i8', 'i8', 'i8', 'u8', 'i16']);
    this.images.push('x');
    this.types.set('x', this.activation([1, r.int(1, 5), r.int(1, 5), r.int(1, 4)]));
  }

  private activation(shape: readonly number[]): TensorType {
    const zero = { i8: this.r.pick([-128, -128, 0, 5]), u8: this.r.pick([0, 128]), i16: 0 }[this.dtype];
    return { dtype: this.dtype, shape, quant: { kind: 'affine', scale: [randomScale(this.r)], zeroPoint: [zero] } };
  }

  private typeOf(value: ValueName): TensorType {
    return this.types.get(value) as TensorType;
  }

  private constant(type: TensorType, values: readonly number[]): ValueName {
    const name = `c${this.types.size}`;
    const data = newData(type.dtype, elementCount(type.shape));
    values.forEach((value, i) => {
      data[i] = data instanceof BigInt64Array ? BigInt(value) : value;
    });
    this.types.set(name, type);
    this.constants.set(name, { data, encoding: DENSE });
    return name;
  }

  /** Adds a node if its record takes it, and returns its result. */
  private node(
    op: OpName,
    inputs: readonly ValueName[],
    attrs: object,
    like: TensorType | undefined = undefined,
  ): ValueName | undefined {
    const record = opRecord(op);
    const parsed = record.attrs.parse(attrs);
    const types = inputs.map((name) => this.typeOf(name));
    const constant = (i: number) => this.constants.get(inputs[i] as string)?.data;
    try {
      const shape = record.infer({ inputs: types, attrs: parsed, constant })[0] as number[];
      const type = { ...(like ?? this.activation(shape)), shape };
      const dtypes = types.map(({ dtype }) => dtype);
      if (!record.signatures.some((sig) => matches(sig, dtypes, [type.dtype]))) return undefined;
      if (record.check?.({ inputs: types, outputs: [type], attrs: parsed }) !== undefined) return undefined;
      const name = `v${this.types.size}`;
      this.types.set(name, type);
      this.nodes.push({ op, inputs, outputs: [name], attrs: parsed } as Node);
      return name;
    } catch (error) {
      if ((error as Error).name === 'OpError') return undefined;
      throw error;
    }
  }

  private image(): ValueName {
    return this.r.pick(this.images.slice(-3));
  }

  layer(): void {
    const x = this.image();
    const y = this.r.pick([
      () => this.convolution(x),
      () => this.convolution(x),
      () => this.convolution(x),
      () => this.depthwise(x),
      () => this.depthwise(x),
      () => this.sum(x),
      () => this.unary(x),
      () => this.pool(x),
      () => this.concat(x),
      () => this.pad(x),
    ])();
    if (y !== undefined) this.images.push(y);
  }

  /** Rows of weights, [row][tap][column]: some zero, some copies of another, and columns of zeros. */
  private rows(rows: number, taps: number, columns: number): { weights: number[][]; twins: number[] } {
    const { r, dtype } = this;
    const zero = dtype === 'u8' ? 100 : 0;
    const most = r.pick([3, 30, 127]);
    const silent = Array.from({ length: columns }, () => r.chance(0.2));
    const twins = Array.from({ length: rows }, (_, row) => (row > 0 && r.chance(0.25) ? r.int(0, row - 1) : row));
    const weights: number[][] = [];
    for (let row = 0; row < rows; row++) {
      const isZero = r.chance(0.25);
      const fresh = Array.from({ length: taps * columns }, (_, i) =>
        isZero || silent[i % columns] ? zero : zero + r.int(-most, most),
      );
      weights.push(twins[row] === row ? fresh : (weights[twins[row] as number] as number[]));
    }
    return { weights, twins };
  }

  /** Weights along `axis`, and a bias or none. Copies of rows have the scale and the bias of what they copy, mostly. */
  private operands(shape: readonly number[], axis: number, rows: number[][], twins: number[]): ValueName[] {
    const { r, dtype } = this;
    const perChannel = dtype !== 'u8' && r.chance(0.5);
    const asTwin = (values: number[]) =>
      values.map((value, i) => (r.chance(0.95) ? values[twins[i] as number] : value));
    const scale = asTwin(rows.map(() => randomScale(r))) as number[];
    const zero = dtype === 'u8' ? 100 : 0;
    const type: TensorType = {
      dtype: dtype === 'u8' ? 'u8' : 'i8',
      shape,
      quant: perChannel
        ? { kind: 'affine', scale, zeroPoint: scale.map(() => zero), axis }
        : { kind: 'affine', scale: [randomScale(r)], zeroPoint: [zero] },
    };
    const length = rows[0]?.length as number;
    const values =
      axis === 0 ? rows.flat() : Array.from({ length }, (_, i) => rows.map((row) => row[i] as number)).flat();
    const weights = this.constant(type, values);
    if (r.chance(0.25)) return [weights];
    const range = r.pick([50, 3000, 2 ** 30]);
    const bias = asTwin(rows.map(() => r.int(-range, range))) as number[];
    const biasDtype: DType = dtype === 'i16' && r.chance(0.5) ? 'i64' : 'i32';
    return [weights, this.constant({ dtype: biasDtype, shape: [rows.length], quant: NO_QUANT }, bias)];
  }

  private productAttrs(operands: readonly ValueName[]): object {
    const isWide = operands.length > 1 && this.typeOf(operands[1] as string).dtype === 'i64';
    const rounding = this.dtype === 'i16' ? 'double' : this.r.pick(['double', 'single', 'float']);
    const activation = this.r.pick(['none', 'none', 'relu', 'relu6']);
    return { activation, rounding, accumulator: isWide ? 'i64' : 'i32' };
  }

  private windowAttrs(): object {
    const { r } = this;
    const side = () => (r.chance(0.5) ? 0 : r.int(0, 2));
    return {
      stride: [r.int(1, 2), r.int(1, 2)],
      dilation: [r.int(1, 2), 1],
      padding: { top: side(), bottom: side(), left: side(), right: side() },
    };
  }

  private convolution(x: ValueName): ValueName | undefined {
    const { r } = this;
    const depth = this.typeOf(x).shape[3] as number;
    const rows = r.int(1, 6);
    const [height, width] = r.chance(0.5) ? [1, 1] : [r.int(1, 3), r.int(1, 3)];
    const { weights, twins } = this.rows(rows, height * width, depth);
    const operands = this.operands([rows, height, width, depth], 0, weights, twins);
    return this.node('conv2d', [x, ...operands], { ...this.windowAttrs(), ...this.productAttrs(operands) });
  }

  private depthwise(x: ValueName): ValueName | undefined {
    const { r } = this;
    const channels = (this.typeOf(x).shape[3] as number) * r.pick([1, 1, 1, 2, 4]);
    const [height, width] = [r.int(1, 3), r.int(1, 3)];
    const { weights, twins } = this.rows(channels, height * width, 1);
    const operands = this.operands([1, height, width, channels], 3, weights, twins);
    return this.node('depthwise_conv2d', [x, ...operands], { ...this.windowAttrs(), ...this.productAttrs(operands) });
  }

  private sum(x: ValueName): ValueName | undefined {
    const { r } = this;
    const { shape } = this.typeOf(x);
    const alike = this.images.filter((other) => String(this.typeOf(other).shape) === String(shape));
    const constant = () => {
      const value = r.int(0, 100);
      return this.constant(this.activation(r.pick([[shape[3] as number], [1]])), Array(shape[3]).fill(value));
    };
    const other = r.chance(0.7) ? r.pick(alike) : constant();
    return this.node(r.pick(['add', 'mul', 'maximum']), [x, other], {});
  }

  private unary(x: ValueName): ValueName | undefined {
    const op = this.r.pick(['relu', 'relu6', 'leaky_relu', 'requantize', 'abs'] as const);
    return this.node(op, [x], op === 'leaky_relu' ? { alpha: unit(this.r) } : {});
  }

  private pool(x: ValueName): ValueName | undefined {
    const { r } = this;
    const attrs = {
      window: [2, 2],
      stride: [1, r.int(1, 2)],
      padding: { top: r.int(0, 1), bottom: 0, left: 0, right: r.int(0, 1) },
      activation: r.pick(['none', 'relu']),
    };
    return this.node(r.pick(['average_pool2d', 'max_pool2d']), [x], attrs, this.typeOf(x));
  }

  private concat(x: ValueName): ValueName | undefined {
    const type = this.typeOf(x);
    const same = this.images.filter((other) => {
      const found = this.typeOf(other);
      return String(found.shape) === String(type.shape) && sameQuant(found.quant, type.quant);
    });
    const other = this.node('relu', [this.r.pick(same)], {}, type);
    return other === undefined ? undefined : this.node('concat', [x, other], { axis: this.r.int(2, 3) }, type);
  }

  private pad(x: ValueName): ValueName | undefined {
    const { r } = this;
    const margins = () => [0, r.int(0, 1), r.int(0, 1), r.chance(0.1) ? 1 : 0];
    return this.node('pad', [x], { before: margins(), after: margins() }, this.typeOf(x));
  }

  /** Ends in a matrix product, a mean or the last image as it is; another image may be an output too. */
  finish(): Graph {
    const last = this.images.at(-1) as ValueName;
    const end = this.r.pick([
      () => this.dense(last),
      () => this.dense(last),
      () => this.node('mean', [last], { axes: [1, 2] }),
      () => this.convolution(last),
    ])();
    if (end === undefined && this.nodes.length === 0) this.node('relu', [last], {});
    const outputs = [end ?? ((this.nodes.at(-1) as Node).outputs[0] as ValueName)];
    const other = this.images.at(-2);
    if (other !== undefined && other !== 'x' && this.r.chance(0.2)) outputs.push(other);
    const { types, constants, nodes } = this;
    return { name: 'channels', inputs: ['x'], outputs: [...new Set(outputs)], states: [], constants, nodes, types };
  }

  private dense(x: ValueName): ValueName | undefined {
    const type = this.typeOf(x);
    const depth = elementCount(type.shape.slice(1));
    const flat = this.r.chance(0.7) ? this.node('reshape', [x], { shape: [1, depth] }, type) : x;
    const units = this.r.int(1, 4);
    const { weights, twins } = this.rows(units, 1, depth);
    const operands = this.operands([units, depth], 0, weights, twins);
    return this.node('fully_connected', [flat as string, ...operands], this.productAttrs(operands));
  }
}
