/** How far a quantized graph is from the float one, value by value. */
import { evaluate } from '../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { halfToFloat } from '../../ir/tensor/ops/quant.ts';
import type { TensorData, TensorType } from '../../ir/tensor/types.ts';
import { forEachSample, type Sample, type Samples } from './samples.ts';

/** Signal and noise of one value over all samples. */
export interface Distance {
  readonly value: ValueName;
  /** Sum of squares of the float values. */
  readonly signal: number;
  /** Sum of squares of the differences. */
  readonly noise: number;
  /** 10 log10(signal / noise): infinite where nothing differs. */
  readonly decibels: number;
}

/** The real numbers that stored values stand for. Throws TypeError for types without any. */
export function realNumbers({ dtype, quant }: TensorType, data: TensorData): ArrayLike<number> {
  if (dtype === 'f16') return Float64Array.from(data as Uint16Array, halfToFloat);
  if (data instanceof BigInt64Array) return Float64Array.from(data, Number);
  if (quant.kind === 'none') return data;
  if (quant.kind !== 'affine' || quant.scale.length !== 1) throw new TypeError('expected per-tensor affine');
  const [scale, zeroPoint] = [quant.scale[0], quant.zeroPoint[0]];
  return Float64Array.from(data as Int8Array, (q) => scale * (q - zeroPoint));
}

/** Inputs of a float graph as those of its quantized form, which may want integers. */
export function inputsFor(graph: Graph, sample: Sample): Sample {
  return graph.inputs.map((name, i) => {
    const { dtype, shape, quant } = typeOfValue(graph, name);
    const data = sample[i];
    if (!(data instanceof Float32Array) || dtype === 'f32' || quant.kind !== 'affine') return data;
    const type: TensorType = { dtype, shape, quant };
    const float: TensorType = { dtype: 'f32', shape, quant: { kind: 'none' } };
    const quantizer: Graph = {
      name: 'input',
      inputs: ['x'],
      outputs: ['y'],
      states: [],
      constants: new Map(),
      nodes: [{ op: 'quantize', inputs: ['x'], outputs: ['y'], attrs: {} }],
      types: new Map([
        ['x', float],
        ['y', type],
      ]),
    };
    return evaluate(quantizer, [data]).outputs[0];
  });
}

/** Distances of the pairs of values (in the float graph, in the other), in their order. */
export async function distances(
  float: Graph,
  other: Graph,
  pairs: ReadonlyMap<ValueName, ValueName>,
  samples: Samples,
  most?: number,
): Promise<Distance[]> {
  const sums = new Map([...pairs.keys()].map((name) => [name, { signal: 0, noise: 0 }]));
  await forEachSample(
    float,
    samples,
    (sample) => {
      const wanted = evaluate(float, sample).values;
      const found = evaluate(other, inputsFor(other, sample)).values;
      for (const [name, otherName] of pairs) {
        const a = realNumbers(typeOfValue(float, name), wanted.get(name) as TensorData);
        const b = realNumbers(typeOfValue(other, otherName), found.get(otherName) as TensorData);
        const sum = sums.get(name) as { signal: number; noise: number };
        for (let i = 0; i < a.length; i++) {
          sum.signal += a[i] ** 2;
          sum.noise += (a[i] - b[i]) ** 2;
        }
      }
    },
    most,
  );
  return [...sums].map(([value, { signal, noise }]) => ({ value, signal, noise, decibels: decibels(signal, noise) }));
}

export function decibels(signal: number, noise: number): number {
  if (noise === 0) return Number.POSITIVE_INFINITY;
  return 10 * Math.log10(signal / noise);
}

/** Outputs of both graphs, in order, as pairs. */
export function outputPairs(float: Graph, other: Graph): Map<ValueName, ValueName> {
  return new Map(float.outputs.map((name, i) => [name, other.outputs[i]]));
}
