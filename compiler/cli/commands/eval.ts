/** `mcc eval`: how well a model answers on labelled data, on any engine, with a confidence interval. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Graph, typeOfValue } from '../../../ir/tensor/graph.ts';
import { elementCount, type TensorType } from '../../../ir/tensor/types.ts';
import type { Dataset, Selection } from '../../data/dataset.ts';
import { realsOf } from '../../data/encode.ts';
import { METRIC_NAMES, type MetricName, makeMetric, type Score } from '../../metrics/metric.ts';
import { type DataOptions, openData, selectionOf } from '../data-options.ts';
import { type EngineName, missingFor, openSession } from '../engines/index.ts';
import { loadModel, type ModelOptions, positiveInteger } from '../model.ts';
import { Failure, reasonOf, UsageError } from '../output.ts';
import { startProgress } from '../progress.ts';
import { type Answered, answersOf } from '../samples.ts';
import { engineNamed } from './run.ts';

export interface EvalOptions extends ModelOptions, DataOptions {
  readonly engine: string;
  readonly metric: string;
  readonly k: string;
  readonly peak: string;
  readonly output?: string;
  readonly script?: string;
  readonly json?: boolean;
}

/** What a script of the user's gets of each sample; everything as real numbers, in the model's order. */
export interface ScriptSample {
  readonly name: string;
  readonly inputs: readonly Float64Array[];
  readonly outputs: readonly Float64Array[];
  readonly label: Float64Array | undefined;
}

/** What is judged, and by what. */
export type JudgeOptions = Pick<EvalOptions, 'metric' | 'k' | 'peak' | 'seed' | 'output' | 'script'>;

/** A score; that of a script has neither interval nor unit. */
export type Verdict = Pick<Score, 'name' | 'value' | 'count'> & Partial<Pick<Score, 'interval' | 'unit'>>;

/** Takes answers and says how good they are. */
interface Judge {
  readonly needsLabels: boolean;
  add(answered: Answered): void;
  verdict(): Promise<Verdict>;
}

/** Prints the score. Throws UsageError, Failure, DataError and the errors of import and engines. */
export async function evaluateModel(path: string, options: EvalOptions): Promise<void> {
  const engine = engineNamed(options.engine, '--engine');
  const missing = missingFor(engine);
  if (missing !== undefined) throw new Failure(`engine ${engine}: ${missing}`);
  const selection = selectionOf(options);
  const model = loadModel(path, options);
  const dataset = await openData(model.graph, options);
  const verdict = await scoreOf(model.graph, dataset, selection, options, engine);
  if (options.json === true) {
    console.log(JSON.stringify({ model: model.file.name, engine, data: dataset.description, ...verdict }, null, 2));
    return;
  }
  console.log(`${model.file.name}: ${verdict.count} of ${dataset.count} samples (${dataset.description}) on ${engine}`);
  console.log(verdictText(verdict));
}

/** Runs the selected samples through an engine and judges the answers. Throws UsageError for data without labels. */
export async function scoreOf(
  graph: Graph,
  dataset: Dataset,
  selection: Selection,
  options: JudgeOptions,
  engine: EngineName,
): Promise<Verdict> {
  const judge = await judgeOf(graph, options);
  if (judge.needsLabels && !dataset.hasLabels) {
    throw new UsageError(
      `--metric ${options.metric}: expected labels; state --labels, or a folder of a folder per class`,
    );
  }
  const session = await openSession(engine, graph);
  const progress = startProgress(engine, Math.min(dataset.count, selection.limit ?? dataset.count));
  try {
    for await (const answered of answersOf(session, graph, dataset.samples(selection))) {
      judge.add(answered);
      progress.advance(1);
    }
  } finally {
    progress.stop();
    session.close();
  }
  return await judge.verdict();
}

async function judgeOf(graph: Graph, options: JudgeOptions): Promise<Judge> {
  const { metric, script, output } = options;
  if (metric === 'script') {
    if (script === undefined) throw new UsageError('--metric script: expected --script and an ES module');
    return scriptJudge(graph, script, await scriptFunction(script));
  }
  if (script !== undefined) throw new UsageError(`--script: expected --metric script, found --metric ${metric}`);
  if (!(METRIC_NAMES as readonly string[]).includes(metric)) {
    throw new UsageError(`--metric ${metric}: expected one of ${METRIC_NAMES.join(', ')} or script`);
  }
  const place = output === undefined ? 0 : graph.outputs.indexOf(output);
  if (place < 0) throw new UsageError(`--output ${output}: expected one of ${graph.outputs.join(', ')}`);
  return metricJudge(typeOfValue(graph, graph.outputs[place] as string), place, metric as MetricName, options);
}

function metricJudge(type: TensorType, place: number, name: MetricName, { k, peak, seed }: JudgeOptions): Judge {
  if (!(Number(peak) > 0)) throw new UsageError(`--peak ${peak}: expected a positive number`);
  const metric = makeMetric(name, {
    k: positiveInteger(k, '--k'),
    peak: Number(peak),
    seed: positiveInteger(seed, '--seed'),
  });
  // An integer without a scale is a number of something.
  const isPlain = type.quant.kind === 'none' && (type.dtype === 'i32' || type.dtype === 'i64');
  const isClass = isPlain && elementCount(type.shape) === 1;
  return {
    needsLabels: true,
    add({ sample, outputs }) {
      const output = realsOf(type, outputs[place] as Parameters<typeof realsOf>[1]);
      metric.add({ name: sample.name, output, isClass, label: sample.label as Float64Array });
    },
    verdict: async () => metric.score(),
  };
}

type Script = (samples: readonly ScriptSample[]) => unknown;

/** The default export of the user's module. Throws Failure. */
async function scriptFunction(path: string): Promise<Script> {
  let module: { readonly default?: unknown };
  try {
    module = await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    throw new Failure(`--script ${path}: expected an ES module; ${reasonOf(error)}`);
  }
  if (typeof module.default === 'function') return module.default as Script;
  throw new Failure(
    `--script ${path}: expected a default export, a function of an array of { name, inputs, outputs, label }; found ${typeof module.default}`,
  );
}

function scriptJudge(graph: Graph, path: string, script: Script): Judge {
  const samples: ScriptSample[] = [];
  const reals = (names: readonly string[], data: Answered['outputs']) =>
    data.map((values, i) => realsOf(typeOfValue(graph, names[i] as string), values));
  return {
    needsLabels: false,
    add({ sample: { name, inputs, label }, outputs }) {
      samples.push({ name, inputs: reals(graph.inputs, inputs), outputs: reals(graph.outputs, outputs), label });
    },
    async verdict() {
      let value: unknown;
      try {
        value = await script(samples);
      } catch (error) {
        throw new Failure(`--script ${path}: ${error instanceof Error ? error.stack : String(error)}`);
      }
      if (typeof value === 'number') return { name: 'script', value, count: samples.length };
      throw new Failure(`--script ${path}: expected a number from its function, found ${typeof value}`);
    },
  };
}

/** `top1  91.50 %  (95 % interval 90.94 to 92.03, Wilson)` */
export function verdictText({ name, value, interval, unit }: Verdict): string {
  const text = (x: number) => (unit === 'share' ? (100 * x).toFixed(2) : String(Number(x.toPrecision(5))));
  const suffix = unit === 'share' ? ' %' : unit === undefined ? '' : ` ${unit}`;
  const range =
    interval === undefined
      ? ''
      : `  (95 % interval ${text(interval.low)} to ${text(interval.high)}, ${interval.method})`;
  return `${name}  ${text(value)}${suffix}${range}`;
}
