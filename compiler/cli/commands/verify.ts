/** `mcc verify`: proof that all engines give the same bytes, on golden files or seeded random inputs. */
import { type Graph, typeOfValue } from '../../../ir/tensor/graph.ts';
import { byteSize } from '../../../ir/tensor/types.ts';
import { LowerError } from '../../lower/index.ts';
import { ENGINES, type EngineName, missingFor, openSession, type Runs, type Session } from '../engines/index.ts';
import { NativeEngineError } from '../engines/native.ts';
import { type LoadedModel, loadModel, type ModelOptions } from '../model.ts';
import { Failure, UsageError } from '../output.ts';
import { type Difference, firstDifference } from '../verify/difference.ts';
import { firstDifferingLayer } from '../verify/layers.ts';
import { goldenRuns, randomRuns } from '../verify/runs.ts';
import { engineNamed } from './run.ts';

/** Makes a model ready on an engine. */
export type Opener = (engine: EngineName, graph: Graph) => Promise<Session>;

export interface VerifyOptions extends ModelOptions {
  readonly engines?: string;
  readonly golden?: string;
  readonly inputs: string;
  readonly seed: string;
  readonly tolerance: string;
}

interface Expectation {
  readonly source: string;
  readonly inputs: Runs;
  /** Recorded outputs; undefined where only the engines are compared with each other. */
  readonly golden: Runs | undefined;
}

/** Prints a line per engine; throws Failure when one differs. */
export async function verify(path: string, options: VerifyOptions, open: Opener = openSession): Promise<void> {
  const model = loadModel(path, options);
  const tolerance = Number(options.tolerance);
  if (!(tolerance >= 0)) throw new UsageError(`--tolerance: expected a number >= 0, found "${options.tolerance}"`);
  const engines = chosenEngines(options.engines);
  const expectation = expectationOf(model.graph, options);
  const reference = await outputsOf(open, 'reference', model.graph, expectation.inputs);
  console.log(`${model.file.name}: ${expectation.inputs.length} inputs (${expectation.source})`);
  const problems: string[] = [];
  if (expectation.golden !== undefined) {
    problems.push(...report('reference', model.graph, expectation.golden, reference, tolerance, 'the golden files'));
  }
  for (const engine of engines.filter((name) => name !== 'reference')) {
    const missing = missingFor(engine);
    if (missing !== undefined) {
      console.log(`  ${engine.padEnd(14)} skipped: ${missing}`);
      if (options.engines !== undefined) problems.push(`${engine}: ${missing}`);
      continue;
    }
    try {
      const outputs = await outputsOf(open, engine, model.graph, expectation.inputs);
      const found = report(engine, model.graph, reference, outputs, 0, 'reference');
      if (found.length > 0) found.push(await blame(open, model, engine, expectation.inputs, reference, outputs));
      problems.push(...found);
    } catch (error) {
      if (!(error instanceof NativeEngineError) && !(error instanceof LowerError)) throw error;
      console.log(`  ${engine.padEnd(14)} FAILED`);
      problems.push(`${engine}: ${error.message}`);
    }
  }
  if (problems.length > 0) throw new Failure(`${model.file.name} is not verified\n  ${problems.join('\n  ')}`);
}

function chosenEngines(list: string | undefined): readonly EngineName[] {
  return list === undefined ? ENGINES : list.split(',').map((name) => engineNamed(name.trim(), '--engines'));
}

async function outputsOf(open: Opener, engine: EngineName, graph: Graph, inputs: Runs): Promise<Runs> {
  const session = await open(engine, graph);
  try {
    return await session.run(inputs);
  } finally {
    session.close();
  }
}

/** Prints the engine's line and returns what differs, worded. */
function report(engine: string, graph: Graph, expected: Runs, found: Runs, tolerance: number, than: string): string[] {
  const types = graph.outputs.map((name) => typeOfValue(graph, name));
  const difference = firstDifference(types, expected, found, tolerance);
  const total = types.reduce((sum, type) => sum + byteSize(type), 0) * expected.length;
  const isExact = firstDifference(types, expected, found, 0) === undefined;
  const verdict = isExact ? `equal (${total} bytes)` : `within ${tolerance} of ${than} (${total} bytes)`;
  console.log(`  ${engine.padEnd(14)} ${difference === undefined ? verdict : 'DIFFERS'}`);
  if (difference === undefined) return [];
  return [`${engine} differs from ${than}: ${differenceText(graph, difference)}`];
}

function differenceText(graph: Graph, { run, port, index, expected, found, count }: Difference): string {
  return `input ${run}, output "${graph.outputs[port]}": ${count} values differ, first at ${index}: expected ${expected}, found ${found}`;
}

/** Looks for the first operator whose output differs on the first input that shows a difference. */
async function blame(
  open: Opener,
  model: LoadedModel,
  engine: EngineName,
  inputs: Runs,
  expected: Runs,
  found: Runs,
): Promise<string> {
  const types = model.graph.outputs.map((name) => typeOfValue(model.graph, name));
  const { run } = firstDifference(types, expected, found, 0) as Difference;
  return await firstDifferingLayer(model, engine, inputs[run] as readonly Uint8Array[], open);
}

/** Recorded outputs of a profile other than tflm are in files that begin with its name, where there are such. */
function expectationOf(graph: Graph, options: VerifyOptions): Expectation {
  if (options.golden === undefined) return { ...randomRuns(graph, options), golden: undefined };
  const { source, inputs, outputs } = goldenRuns(graph, options.golden);
  const { numerics = 'tflm' } = options;
  return { source, inputs, golden: outputs(numerics === 'tflm' ? ['out'] : [numerics, 'out']) };
}
