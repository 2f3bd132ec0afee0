/** Runs a float graph over samples and gathers statistics of every float value that is no constant. */
import { z } from 'zod';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { elementCount, type TensorData } from '../../../ir/tensor/types.ts';
import { forEachSample, type Sample, SampleError, type Samples } from '../samples.ts';
import { statisticsSchema, ValueStatistics } from './statistics.ts';

/** Statistics by value of the graph. */
export type Calibration = ReadonlyMap<ValueName, ValueStatistics>;

/** All values of one inference. States start at their initial values for each sample. */
export type Taps = (sample: Sample) => ReadonlyMap<ValueName, TensorData> | Promise<ReadonlyMap<ValueName, TensorData>>;

/** The definition as taps: slow, needs nothing. */
export function referenceTaps(graph: Graph): Taps {
  return (sample) => evaluate(graph, sample).values;
}

export interface CalibrateOptions {
  /** What earlier samples gave; the result goes on from there. */
  readonly from?: Calibration;
  readonly taps?: Taps;
}

/** Float values that calibration looks at. */
export function observedValues(graph: Graph): ValueName[] {
  return [...graph.types]
    .filter(([name, { dtype, shape }]) => dtype === 'f32' && !graph.constants.has(name) && elementCount(shape) > 0)
    .map(([name]) => name);
}

/** Throws SampleError for samples that do not fit the graph, and for NaN and infinities, which no range holds. */
export async function calibrate(graph: Graph, samples: Samples, options: CalibrateOptions = {}): Promise<Calibration> {
  const names = observedValues(graph);
  const { from, taps = referenceTaps(graph) } = options;
  const calibration = new Map(
    names.map((name) => {
      const before = from?.get(name);
      return [name, before === undefined ? new ValueStatistics() : ValueStatistics.of(before.state())];
    }),
  );
  await forEachSample(graph, samples, async (sample, index) => {
    const values = await taps(sample);
    for (const [name, statistics] of calibration) {
      const data = values.get(name) as Float32Array;
      const bad = data.findIndex((x) => !Number.isFinite(x));
      if (bad >= 0) {
        throw new SampleError(`calibration sample ${index}: expected finite values in %${name}, found ${data[bad]}`);
      }
      statistics.add(data);
    }
  });
  return calibration;
}

const calibrationSchema = z.strictObject({ values: z.record(z.string(), statisticsSchema) });

/** Plain data that `calibrationOf` reads back. */
export function calibrationState(calibration: Calibration): z.infer<typeof calibrationSchema> {
  return { values: Object.fromEntries([...calibration].map(([name, statistics]) => [name, statistics.state()])) };
}

/** Throws SampleError for data that is no calibration of the graph. */
export function calibrationOf(graph: Graph, state: unknown): Calibration {
  const parsed = calibrationSchema.safeParse(state);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new SampleError(`calibration state: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const { values } = parsed.data;
  const stranger = Object.keys(values).find((name) => typeOfValueOrNone(graph, name) !== 'f32');
  if (stranger !== undefined) {
    throw new SampleError(`calibration state: expected float values of graph ${graph.name}, found %${stranger}`);
  }
  return new Map(Object.entries(values).map(([name, value]) => [name, ValueStatistics.of(value)]));
}

function typeOfValueOrNone(graph: Graph, name: ValueName): string | undefined {
  return graph.types.has(name) ? typeOfValue(graph, name).dtype : undefined;
}
