/** Calibration input: samples that methods run a graph over, one data array per input of the graph. */
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import { elementCount, type TensorData, typeText } from '../../ir/tensor/types.ts';

/** One array per input of the graph, in its order. */
export type Sample = readonly TensorData[];

/** Samples that can be walked any number of times, from the start each time, in the same order. */
export type Samples = Iterable<Sample> | AsyncIterable<Sample>;

/** Samples that do not fit the graph, or that cannot be walked again. */
export class SampleError extends Error {
  override name = 'SampleError';
}

/** Calls `visit` with each of the first `most` samples in turn; returns how many there were. Throws SampleError for none. */
export async function forEachSample(
  graph: Graph,
  samples: Samples,
  visit: (sample: Sample, index: number) => void | Promise<void>,
  most = Number.POSITIVE_INFINITY,
): Promise<number> {
  let index = 0;
  for await (const sample of samples) {
    if (index >= most) break;
    checkSample(graph, sample, index);
    await visit(sample, index);
    index++;
  }
  if (index === 0) {
    throw new SampleError(
      'calibration: expected at least one sample, found none (a generator is empty when it is walked a second time: pass an array or an iterable that starts anew)',
    );
  }
  return index;
}

function checkSample(graph: Graph, sample: Sample, index: number): void {
  if (sample.length !== graph.inputs.length) {
    throw new SampleError(
      `calibration sample ${index}: expected one array for each of ${graph.inputs.length} inputs, found ${sample.length}`,
    );
  }
  graph.inputs.forEach((name, i) => {
    const type = typeOfValue(graph, name);
    const { length } = sample[i] as TensorData;
    if (length === elementCount(type.shape)) return;
    throw new SampleError(
      `calibration sample ${index}, input %${name}: expected ${elementCount(type.shape)} values for ${typeText(type)}, found ${length}`,
    );
  });
}
