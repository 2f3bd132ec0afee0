/** Many samples through one engine: one session for all, and as many at a time as take some seconds. */
import { bytesOf, dataFromBytes } from '../../ir/tensor/bytes.ts';
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import { byteSize, type TensorData } from '../../ir/tensor/types.ts';
import type { Sample } from '../data/dataset.ts';
import type { Session } from './engines/index.ts';

export interface Answered {
  readonly sample: Sample;
  /** In the order of the graph's outputs. */
  readonly outputs: readonly TensorData[];
}

/** A native engine is started anew for each batch; emulators may end after two minutes, so batches grow with care. */
const BATCH_SECONDS = 5;
const MOST_AT_A_TIME = 2048;
const MOST_BYTES = 2 ** 27;

/** In the order of the samples. The state of the model is reset before each. Throws the errors of engine and data. */
export async function* answersOf(
  session: Session,
  graph: Graph,
  samples: AsyncIterable<Sample>,
): AsyncGenerator<Answered> {
  const inputTypes = graph.inputs.map((name) => typeOfValue(graph, name));
  const outputTypes = graph.outputs.map((name) => typeOfValue(graph, name));
  const bytes = [...inputTypes, ...outputTypes].reduce((sum, type) => sum + byteSize(type), 0);
  const most = Math.max(1, Math.min(MOST_AT_A_TIME, Math.floor(MOST_BYTES / bytes)));
  let size = Math.min(4, most);
  for await (const batch of batchesOf(samples, () => size)) {
    const started = performance.now();
    const runs = batch.map(({ inputs }) =>
      inputs.map((data, i) => bytesOf(inputTypes[i] as (typeof inputTypes)[0], data)),
    );
    const outputs = await session.run(runs);
    for (const [i, sample] of batch.entries()) {
      const own = outputs[i] as readonly Uint8Array[];
      yield { sample, outputs: own.map((part, k) => dataFromBytes(outputTypes[k] as (typeof outputTypes)[0], part)) };
    }
    const seconds = (performance.now() - started) / 1000;
    size = Math.min(
      most,
      seconds < BATCH_SECONDS / 4 ? 4 * size : Math.max(1, Math.floor((size * BATCH_SECONDS) / seconds)),
    );
  }
}

async function* batchesOf<T>(items: AsyncIterable<T>, size: () => number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size()) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
