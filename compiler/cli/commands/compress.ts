/** `mcc compress`: a recipe of lossy methods on a float model, and what it cost and saved. */
import type { Graph } from '../../../ir/tensor/graph.ts';
import { printGraph } from '../../../ir/tensor/print.ts';
import { lowerVerified, simplify } from '../../compile.ts';
import { type Compressed, compress } from '../../compress/compress.ts';
import { CompressError } from '../../compress/quantize/options.ts';
import { parseRecipeText, type Recipe, RecipeError } from '../../compress/recipe.ts';
import { SampleError, type Samples } from '../../compress/samples.ts';
import { type Distance, distances, outputPairs } from '../../compress/sqnr.ts';
import type { Dataset } from '../../data/dataset.ts';
import { type ModelReport, reportModel } from '../../report/model-report.ts';
import { grouped, shortName, table } from '../../report/text.ts';
import type { Target } from '../../targets/index.ts';
import { type DataOptions, openData, selectionOf } from '../data-options.ts';
import { type LoadedModel, loadModel, type ModelOptions } from '../model.ts';
import { Failure, readUserFile, UsageError, writeOutput } from '../output.ts';
import { wasmTaps } from '../taps.ts';
import { targetNamed } from './build.ts';
import { scoreOf, type Verdict, verdictText } from './eval.ts';

export interface CompressCommandOptions extends ModelOptions, DataOptions {
  readonly recipe: string;
  readonly target: string;
  readonly output: string;
  readonly metric: string;
}

/** Samples that distances of outputs are taken over. */
const COMPARED = 16;

/** Writes the compressed model as tensor IR. Throws UsageError, Failure, DataError and the errors of import and lowering. */
export async function compressModel(path: string, options: CompressCommandOptions): Promise<void> {
  const target = targetNamed(options.target);
  const recipe = readRecipe(options.recipe);
  const model = loadModel(path, options);
  const { seed } = selectionOf(options);
  const dataset = await openData(model.graph, options);
  const samples = samplesOf(dataset, recipe.samples, recipe.seed);
  const hasScores = dataset.hasLabels;
  const score = (graph: Graph) => scoreGraph(graph, options);
  try {
    const result = await compress(model.graph, recipe, samples, {
      tapsFor: wasmTaps,
      onStep: (method) => console.log(`${method} ...`),
      ...(hasScores ? { evaluate: async (graph: Graph) => goodness(await score(graph), options.metric) } : {}),
    });
    const compared = samplesOf(dataset, Math.min(COMPARED, recipe.samples), seed ?? 1);
    const outputs = await distances(result.float, result.graph, outputPairs(result.float, result.graph), compared);
    const scores = hasScores ? [await score(model.graph), await score(result.graph)] : [];
    print(model, result, target, outputs, scores);
    writeOutput(options.output, filesOf(model, result));
  } catch (error) {
    const known = [CompressError, SampleError];
    if (known.some((type) => error instanceof type)) throw new Failure((error as Error).message);
    throw error;
  }
}

function readRecipe(path: string): Recipe {
  try {
    return parseRecipeText(Buffer.from(readUserFile(path, 'recipe')).toString('utf8'));
  } catch (error) {
    if (error instanceof RecipeError) throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}

function samplesOf(dataset: Dataset, limit: number, seed: number): Samples {
  return {
    async *[Symbol.asyncIterator]() {
      for await (const { inputs } of dataset.samples({ limit, seed })) yield inputs;
    },
  };
}

/** The data is opened for this graph, whose inputs may be integers. */
async function scoreGraph(graph: Graph, options: CompressCommandOptions): Promise<Verdict> {
  const judged = { metric: options.metric, k: '1', peak: '1', seed: options.seed };
  return await scoreOf(graph, await openData(graph, options), selectionOf(options), judged, 'wasm');
}

/** Larger is better. */
function goodness({ value }: Verdict, metric: string): number {
  return metric === 'mse' ? -value : value;
}

function filesOf({ file }: LoadedModel, { graph, report }: Compressed) {
  return [
    { path: `${file.name}.mcc`, content: printGraph(graph) },
    { path: `${file.name}.report.json`, content: `${JSON.stringify(report, null, 2)}\n` },
  ];
}

function print(
  { graph, file }: LoadedModel,
  result: Compressed,
  target: Target,
  outputs: readonly Distance[],
  scores: readonly Verdict[],
): void {
  for (const { method, notes } of result.report.steps) {
    console.log(`\n${method}`);
    for (const note of notes) console.log(`  ${noteText(note)}`);
  }
  const [before, after] = [simplify(graph), result.graph].map((each) => reportOf(each, target));
  console.log(`\n${table(['', 'before', 'after'], rowsOf(before as ModelReport, after as ModelReport)).join('\n')}`);
  const [first, second] = scores;
  if (first !== undefined && second !== undefined) {
    console.log(`\n${verdictText(first)}  before\n${verdictText(second)}  after`);
  }
  for (const { value, decibels } of outputs) {
    console.log(`${shortName(value, 40)}: ${decibels.toFixed(1)} dB signal to quantization noise`);
  }
  const packed = result.report.layers.reduce((sum, layer) => sum + layer.packedBytes, 0);
  const bytes = result.report.layers.reduce((sum, layer) => sum + layer.weightBytes, 0);
  if (packed < bytes) {
    console.log(
      `weights: ${grouped(bytes)} bytes as kernels read them, a byte each; ${grouped(packed)} at their widths, which no kernel reads yet`,
    );
  }
  console.log(`${file.name}.mcc is the model for the other commands`);
}

function reportOf(graph: Graph, target: Target): ModelReport {
  const lowered = lowerVerified(graph, target);
  return reportModel(lowered.graph, lowered, target);
}

function rowsOf(before: ModelReport, after: ModelReport): (string | number)[][] {
  const row = (name: string, of: (report: ModelReport) => number) => [name, of(before), of(after)];
  return [
    row('bytes of weights and tables', ({ constantBytes }) => constantBytes),
    row('bytes of RAM', ({ arenaBytes }) => arenaBytes),
    row('MACs', ({ macs }) => macs),
    row(`predicted cycles on ${after.target}`, ({ predictedCycles }) => predictedCycles),
  ];
}

/** Long names of fused operators are cut in what is printed; the report has them whole. */
function noteText(note: string): string {
  return note.replaceAll(/%([^\s:;]+);[^\s:]*/g, '%$1');
}
