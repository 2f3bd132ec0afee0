/** Runs a recipe on a graph. */
import type { Graph, ValueName } from '../../ir/tensor/graph.ts';
import { assertValid } from '../../ir/tensor/verify.ts';
import { simplify } from '../compile.ts';
import { type Calibration, calibrate, type Taps } from './calibrate/calibrate.ts';
import { withFloatWeights } from './float-weights.ts';
import type { Compression, Method, MethodContext } from './method.ts';
import { METHODS, withDecisions } from './methods.ts';
import { quantizeOptions } from './quantize/options.ts';
import type { KeptNode } from './quantize/plan.ts';
import { type Quantized, type QuantizedLayer, quantizeGraph } from './quantize/quantize.ts';
import type { Recipe } from './recipe.ts';
import type { Sample, Samples } from './samples.ts';

export interface CompressOptions {
  /** An engine for a graph; the reference, which is slow, unless given. */
  readonly tapsFor?: (graph: Graph) => Taps | Promise<Taps>;
  /** A metric, larger is better, for methods with a budget of accuracy. */
  readonly evaluate?: (graph: Graph) => Promise<number>;
  readonly onStep?: (method: string) => void;
}

export interface StepReport {
  readonly method: string;
  readonly notes: readonly string[];
}

export interface CompressReport {
  readonly steps: readonly StepReport[];
  readonly layers: readonly QuantizedLayer[];
  readonly kept: readonly KeptNode[];
}

export interface Compressed {
  readonly graph: Graph;
  /** The float graph that the integers stand for: after the methods that work on floats. */
  readonly float: Graph;
  /** Names of values of `float` as integers in the graph before it was simplified. */
  readonly quantized: Quantized | undefined;
  readonly report: CompressReport;
}

/**
 * Samples are walked several times. Throws CompressError and SampleError for what does not fit the graph.
 * The graph is simplified before and after; every step's result is verified.
 */
export async function compress(
  graph: Graph,
  recipe: Recipe,
  samples: Samples,
  options: CompressOptions = {},
): Promise<Compressed> {
  const run = new CompressRun(recipe, samples, options);
  let state: Compression = { graph: withFloatWeights(simplify(graph)), layerBits: {}, keepFloat: [] };
  const steps: StepReport[] = [];
  for (const { method, options: given } of recipe.steps) {
    options.onStep?.(method);
    const { apply }: Method = METHODS[method];
    const applied = await apply(state, given, run);
    assertValid(applied.state.graph);
    state = applied.state;
    steps.push({ method, notes: applied.notes });
  }
  const { quantized } = state;
  return {
    graph: simplify(state.graph),
    float: quantized?.float ?? state.graph,
    quantized,
    report: { steps, layers: quantized?.layers ?? [], kept: quantized?.kept ?? [] },
  };
}

class CompressRun implements MethodContext {
  readonly samples: Samples;
  readonly seed: number;
  readonly tapsFor?: (graph: Graph) => Taps | Promise<Taps>;
  readonly evaluate?: (graph: Graph) => Promise<number>;
  private readonly recipe: Recipe;
  private readonly known = new WeakMap<Graph, Calibration>();

  constructor(recipe: Recipe, samples: Samples, { tapsFor, evaluate }: CompressOptions) {
    this.recipe = recipe;
    this.seed = recipe.seed;
    this.samples = { [Symbol.asyncIterator]: () => firstOf(samples, recipe.samples) };
    if (tapsFor !== undefined) this.tapsFor = tapsFor;
    if (evaluate !== undefined) this.evaluate = evaluate;
  }

  async calibration(graph: Graph): Promise<Calibration> {
    const known = this.known.get(graph);
    if (known !== undefined) return known;
    const taps = await this.tapsFor?.(graph);
    const calibration = await calibrate(graph, this.samples, taps === undefined ? {} : { taps });
    this.known.set(graph, calibration);
    return calibration;
  }

  async quantizeWith(state: Compression, layerBits: Readonly<Record<ValueName, number>>): Promise<Quantized> {
    const step = this.recipe.steps.find(({ method }) => method === 'quantize');
    const options = quantizeOptions.parse(step?.options ?? {});
    const widths = { ...state, layerBits: { ...state.layerBits, ...layerBits } };
    return quantizeGraph(state.graph, await this.calibration(state.graph), withDecisions(widths, options));
  }
}

async function* firstOf(samples: Samples, most: number): AsyncGenerator<Sample> {
  let count = 0;
  for await (const sample of samples) {
    if (count++ >= most) return;
    yield sample;
  }
}
