/** `mcc compare A B`: which tensors of a model lost most in another version of it, quantized or otherwise compressed. */
import { dataFromBytes } from '../../../ir/tensor/bytes.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue } from '../../../ir/tensor/graph.ts';
import { sameShape, type TensorData, typeText } from '../../../ir/tensor/types.ts';
import { encodeReals, realsOf } from '../../data/encode.ts';
import { NoiseMeter, type TensorNoise } from '../../report/sqnr.ts';
import { type DataOptions, openData, selectionOf } from '../data-options.ts';
import { loadModel, type ModelOptions } from '../model.ts';
import { Failure } from '../output.ts';
import { startProgress } from '../progress.ts';
import { randomRuns } from '../verify/runs.ts';

export interface CompareModelsOptions extends ModelOptions, DataOptions {
  readonly inputs: string;
  readonly seed: string;
}

/** Inputs of both graphs for the same samples. */
type Pair = readonly [readonly TensorData[], readonly TensorData[]];

/** The reference engine is slow, and noise needs few samples to show. */
const MOST_SAMPLES = '100';

/** Runs both in the reference engine, and prints the tensors they share, noisiest first. Throws Failure and DataError. */
export async function compareModels(path: string, otherPath: string, options: CompareModelsOptions): Promise<void> {
  const [a, b] = [loadModel(path, options), loadModel(otherPath, options)];
  const meter = new NoiseMeter(a.graph, b.graph);
  if (meter.size === 0) {
    throw new Failure(
      `${path} and ${otherPath}: expected tensors of the same name and shape, found none; compare versions of one model`,
    );
  }
  const { source, count, pairs } = await pairedInputs(a.graph, b.graph, options);
  const progress = startProgress('compare', count);
  try {
    for await (const [left, right] of pairs) {
      meter.add(evaluate(a.graph, left).values, evaluate(b.graph, right).values);
      progress.advance(1);
    }
  } finally {
    progress.stop();
  }
  const made = a.graph.nodes.reduce((sum, node) => sum + node.outputs.length, 0);
  console.log(`${path} and ${otherPath}: ${meter.size} of ${made} tensors on ${count} samples (${source})\n`);
  console.log(noiseLines(meter.result()).join('\n'));
}

async function pairedInputs(
  a: Graph,
  b: Graph,
  options: CompareModelsOptions,
): Promise<{ readonly source: string; readonly count: number; readonly pairs: AsyncIterable<Pair> }> {
  if (options.data.length === 0) {
    const { source, inputs } = randomRuns(a, options);
    const pairs = inputs.map((run): Pair => {
      const left = a.inputs.map((name, i) => dataFromBytes(typeOfValue(a, name), run[i] as Uint8Array));
      return [left, left.map((data, i) => convertedInput(a, b, i, data))];
    });
    return { source, count: pairs.length, pairs: asyncly(pairs) };
  }
  const selection = selectionOf({ ...options, limit: options.limit ?? MOST_SAMPLES });
  const [left, right] = await Promise.all([openData(a, options), openData(b, options)]);
  const count = Math.min(left.count, selection.limit as number);
  const [first, second] = [left.samples(selection), right.samples(selection)];
  return { source: left.description, count, pairs: inPairs(first, second) };
}

async function* asyncly<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function* inPairs(
  first: AsyncIterable<{ readonly inputs: readonly TensorData[] }>,
  second: AsyncIterable<{ readonly inputs: readonly TensorData[] }>,
): AsyncGenerator<Pair> {
  const others = second[Symbol.asyncIterator]();
  try {
    for await (const { inputs } of first) {
      const { value, done } = await others.next();
      if (done !== true) yield [inputs, value.inputs];
    }
  } finally {
    await others.return?.();
  }
}

/** An input of `a` as the same real numbers in the type of the input of `b` in its place. Throws Failure for other shapes. */
function convertedInput(a: Graph, b: Graph, place: number, data: TensorData): TensorData {
  const from = typeOfValue(a, a.inputs[place] as string);
  const name = b.inputs[place];
  const to = name === undefined ? undefined : typeOfValue(b, name);
  if (to !== undefined && b.inputs.length === a.inputs.length && sameShape(from.shape, to.shape)) {
    return encodeReals(to, realsOf(from, data), `random input ${place}`);
  }
  const found = b.inputs.map((input) => typeText(typeOfValue(b, input))).join(', ');
  throw new Failure(
    `expected inputs of the same shapes in both models, found ${typeText(from)} at ${place} and ${found}`,
  );
}

function noiseLines(tensors: readonly TensorNoise[]): string[] {
  const rows = tensors.map(({ name, op, types, sqnr, worst, rms }) => [
    sqnr === Number.POSITIVE_INFINITY ? 'equal' : `${sqnr.toFixed(1)} dB`,
    number(worst),
    number(rms),
    `${types[0].dtype} ${types[1].dtype}`,
    op,
    name,
  ]);
  const table = [['SQNR', 'worst error', 'rms', 'types', 'op', 'tensor'], ...rows];
  const widths = (table[0] as string[]).map((_, c) => Math.max(...table.map((row) => (row[c] as string).length)));
  return table.map((row) =>
    row
      .map((cell, c) => (c < 3 ? cell.padStart(widths[c] as number) : cell.padEnd(widths[c] as number)))
      .join('  ')
      .trimEnd(),
  );
}

function number(x: number): string {
  return String(Number(x.toPrecision(3)));
}
