/** From a model file to a program: import, exact passes, lowering, with the verifiers on after every stage. */
import { assertValid as assertValidProgram } from '../ir/loop/verify.ts';
import type { Graph } from '../ir/tensor/graph.ts';
import { assertValid as assertValidGraph } from '../ir/tensor/verify.ts';
import { ImportError } from './import/error.ts';
import type { ImportedModel } from './import/imported-model.ts';
import { importText, isGraphText } from './import/text.ts';
import { importTflite } from './import/tflite/import.ts';
import { type Numerics, withNumerics } from './import/tflite/numerics.ts';
import { type Fitted, lowerWithin, type MemoryLimits } from './lower/fit.ts';
import type { LowerOptions } from './lower/index.ts';
import { type PatchEvent, runPasses } from './passes/run.ts';
import { PIPELINE } from './pipeline.ts';
import type { Target } from './targets/index.ts';

export interface ModelFile {
  /** As the user wrote it, for messages. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Becomes the graph's name and the prefix of what is emitted. */
  readonly name: string;
  /** Extent of a dynamic batch dimension. */
  readonly batch?: number;
  /** Whose integer arithmetic; tflite-micro's unless stated. */
  readonly numerics?: Numerics;
}

/** Throws ImportError for a file that is no model mcc reads. */
export function importModel(file: ModelFile): ImportedModel {
  const isText = isGraphText(file.bytes);
  const isTflite = Buffer.from(file.bytes.subarray(4, 8)).toString('latin1') === 'TFL3';
  if (!isText && !isTflite) {
    throw new ImportError({
      file: file.path,
      place: 'the first 8 bytes',
      expected: 'a TensorFlow Lite model (identifier "TFL3") or tensor IR (text that begins with "graph ")',
      found: file.bytes.length === 0 ? 'an empty file' : `other content (${file.bytes.length} bytes)`,
      advice: 'Convert the model to .tflite first.',
    });
  }
  const imported = (isText ? importText : importTflite)(file.bytes, {
    name: file.name,
    file: file.path,
    ...(file.batch === undefined ? {} : { batch: file.batch }),
  });
  const graph = withNumerics(imported.graph, file.numerics ?? 'tflm');
  assertValidGraph(graph);
  return { ...imported, graph };
}

/** Rounds of all passes that a graph gets at most: what a later pass leaves may be something for an earlier one. */
const MAX_ROUNDS = 4;

/** The exact passes; the result evaluates to the same bits. `onPatch` sees every rewrite. */
export function simplify(graph: Graph, onPatch?: (event: PatchEvent) => void): Graph {
  let current = graph;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const result = runPasses(current, PIPELINE, { verifyEach: true, ...(onPatch === undefined ? {} : { onPatch }) });
    current = result.graph;
    if (result.patches === 0) break;
  }
  return current;
}

export type CompileOptions = LowerOptions & MemoryLimits;

/** A verified program for the target. Throws LowerError when a node has no kernel, LimitError when it needs too much memory. */
export function compile(graph: Graph, target: Target, options: CompileOptions = {}): Fitted {
  return lowerVerified(simplify(graph), target, options);
}

/** The same for a graph that is simplified already. */
export function lowerVerified(graph: Graph, target: Target, options: CompileOptions = {}): Fitted {
  const fitted = lowerWithin(graph, target, options);
  if (fitted.strips.length > 0) assertValidGraph(fitted.graph);
  assertValidProgram(fitted.program);
  return fitted;
}
