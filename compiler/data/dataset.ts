/** Samples for a model: one tensor for each input, and a label where there is one. Streamed: only one is held at a time. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Graph, typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { elementCount, type TensorData, type TensorType, typeText } from '../../ir/tensor/types.ts';
import { encodeBytes, encodeReals, encodeStored } from './encode.ts';
import { DataError, reasonOf } from './error.ts';
import { type Label, type Labels, openLabels } from './labels.ts';
import { prepare } from './prepare.ts';
import { randomNumbers } from './random.ts';
import { type DataRecord, everySample, type Reader, type Wanted } from './record.ts';
import { columnsReader, type OpenSource, openSource, parseSource, type Source } from './source.ts';
import { type DataSpec, dataSchema, type Preprocess } from './spec.ts';

export interface Sample {
  /** Where the first input came from, for messages. */
  readonly name: string;
  /** In the order of the graph's inputs, as their types store numbers. */
  readonly inputs: readonly TensorData[];
  readonly label: Label | undefined;
}

export interface Selection {
  /** At most this many samples, chosen at random from all, in the order of the data. */
  readonly limit?: number;
  readonly seed?: number;
}

export interface Dataset {
  /** For the user: `idx, 10000 x u1 [28,28]; labels: idx, 10000 x u1 []`. */
  readonly description: string;
  readonly count: number;
  /** Names of the classes, where the labels have names. */
  readonly classes: readonly string[] | undefined;
  readonly hasLabels: boolean;
  /** Reads the data anew each time; the same selection gives the same samples. Throws DataError. */
  samples(selection?: Selection): AsyncIterable<Sample>;
}

interface InputReader {
  readonly name: ValueName;
  readonly type: TensorType;
  readonly reader: Reader;
  readonly steps: Preprocess;
}

/** A description from a JSON file; its paths are below the file's folder. Throws DataError naming the faulty field. */
export function readDataSpec(path: string): { readonly spec: DataSpec; readonly base: string } {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new DataError({ file: path, expected: 'a JSON file that describes data', found: reasonOf(error) });
  }
  return { spec: parseDataSpec(json, path), base: dirname(path) };
}

/** Throws DataError naming `file` and the faulty field. */
export function parseDataSpec(json: unknown, file: string): DataSpec {
  const { success, data, error } = dataSchema.safeParse(json);
  if (success) return data;
  const issue = error.issues[0];
  const place = issue?.path.join('.') ?? '';
  const advice = 'the fields are inputs, labels, classes, preprocess and preprocessOf';
  throw new DataError({ file, expected: 'a description of data', found: `${place}: ${issue?.message}`, advice });
}

/** Opens all sources; relative paths are below `base`. Throws DataError. */
export async function openDataset(graph: Graph, spec: DataSpec, base = '.'): Promise<Dataset> {
  const sources = sourcesOf(graph, spec, base);
  const open = await Promise.all(sources.map((source, i) => openSource(source, i)));
  const labelSource = spec.labels === undefined ? undefined : parseSource(spec.labels, base);
  const first = { source: sources[0] as Source, open: open[0] as OpenSource };
  const labels = await openLabels(labelSource, first, spec.classes);
  const inputs = graph.inputs.map((name, i): InputReader => {
    const one = open[i] as OpenSource;
    const { path, part } = sources[i] as Source;
    const others = path === first.source.path ? (labels?.columns ?? []) : [];
    const reader = one.kind === 'table' ? columnsReader(one.table, part, others) : one.reader;
    return { name, type: typeOfValue(graph, name), reader, steps: spec.preprocessOf?.[name] ?? spec.preprocess ?? {} };
  });
  const count = (inputs[0] as InputReader).reader.count;
  checkCounts(sources, inputs, labels, labelSource);
  const parts = [
    ...inputs.map(({ reader }) => reader.description),
    ...(labels ? [`labels: ${labels.description}`] : []),
  ];
  return {
    description: parts.join('; '),
    count,
    classes: labels?.classes,
    hasLabels: labels !== undefined,
    samples: ({ limit, seed = 1 } = {}) => {
      const wanted = () => (limit === undefined || limit >= count ? everySample : randomSubset(limit, count, seed));
      return samplesOf(inputs, labels, wanted);
    },
  };
}

function sourcesOf(graph: Graph, { inputs, preprocessOf }: DataSpec, base: string): Source[] {
  const named = typeof inputs === 'string' ? undefined : inputs;
  const list = graph.inputs.map((name) => `"${name}" (${typeText(typeOfValue(graph, name))})`).join(', ') || 'none';
  for (const name of [...Object.keys(named ?? {}), ...Object.keys(preprocessOf ?? {})]) {
    if (graph.inputs.includes(name)) continue;
    throw new DataError({ file: 'data', expected: `inputs of the model: ${list}`, found: `"${name}"` });
  }
  if (graph.inputs.length === 0) {
    throw new DataError({ file: 'data', expected: 'a model with inputs', found: 'a model without' });
  }
  // Folders of raw files hold those of all inputs.
  return graph.inputs.map((name) => {
    const source = named === undefined ? (inputs as string) : named[name];
    if (source !== undefined) return parseSource(source, base);
    throw new DataError({ file: 'data', expected: `a source for each input: ${list}`, found: `none for "${name}"` });
  });
}

function checkCounts(
  sources: readonly Source[],
  inputs: readonly InputReader[],
  labels: Labels | undefined,
  labelSource: Source | undefined,
): void {
  const counts = inputs.map(({ reader }, i) => ({ path: (sources[i] as Source).path, count: reader.count }));
  const first = counts[0] as { readonly path: string; readonly count: number };
  if (labels !== undefined) counts.push({ path: (labelSource ?? first).path, count: labels.count });
  if (first.count === 0) throw new DataError({ file: first.path, expected: 'samples', found: 'none' });
  for (const { path, count } of counts) {
    if (count === first.count) continue;
    throw new DataError({
      file: path,
      expected: `${first.count} samples, as many as ${first.path} has`,
      found: `${count}`,
    });
  }
}

/** Knuth's algorithm S (The Art of Computer Programming 3.4.2): every subset of `limit` indices is equally likely. */
function randomSubset(limit: number, count: number, seed: number): Wanted {
  const random = randomNumbers(seed);
  let missing = limit;
  return (index) => {
    if ((count - index) * random() >= missing) return false;
    missing--;
    return true;
  };
}

async function* samplesOf(
  inputs: readonly InputReader[],
  labels: Labels | undefined,
  wanted: () => Wanted,
): AsyncGenerator<Sample> {
  const records = inputs.map(({ reader }) => reader.records(wanted())[Symbol.asyncIterator]());
  const labelled = labels?.labels(wanted())[Symbol.asyncIterator]();
  try {
    for (;;) {
      const results = await Promise.all(records.map((iterator) => iterator.next()));
      if (results.some(({ done }) => done === true)) return;
      const read = results.map(({ value }) => value as DataRecord);
      const data = inputs.map((input, i) => tensorOf(read[i] as DataRecord, input));
      const label = await labelled?.next();
      yield { name: (read[0] as DataRecord).name, inputs: data, label: label?.value };
    }
  } finally {
    await Promise.all([...records, ...(labelled ? [labelled] : [])].map((iterator) => iterator.return?.()));
  }
}

function tensorOf(record: DataRecord, { type, steps }: InputReader): TensorData {
  if (record.kind === 'bytes') return encodeBytes(type, record.values as Uint8Array, record.name);
  const values = prepare(record, type, steps);
  if (values.length !== elementCount(type.shape)) throw new Error(`${record.name}: prepared for another type`);
  return (steps.values === 'stored' ? encodeStored : encodeReals)(type, values, record.name);
}
