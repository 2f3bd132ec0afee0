/** From a model file to a program: import, exact passes, lowering, with the verifiers on after every stage. */
import { assertValid as assertValidProgram } from '../ir/loop/verify.ts';
import type { Graph } from '../ir/tensor/graph.ts';
import { assertValid as assertValidGraph } from '../ir/tensor/verify.ts';
import { ImportError } from './import/error.ts';
import type { ImportedModel } from './import/imported-model.ts';
import { importOnnx } from './import/onnx/import.ts';
import { importText, isGraphText } from './import/text.ts';
import { importTflite } from './import/tflite/import.ts';
import { type Numerics, withNumerics } from './import/tflite/numerics.ts';
import { type Fitted, lowerWithin, type MemoryLimits } from './lower/fit.ts';
import type { LowerOptions } from './lower/index.ts';
import type { Pass } from './passes/pass.ts';
import { type PatchEvent, runPasses } from './passes/run.ts';
import { IMPORT_PIPELINE, PIPELINE } from './pipeline.ts';
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
  /** ONNX: shapes of inputs that the file leaves open, by name. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /** ONNX: inputs that become constants, by name. */
  readonly constants?: ReadonlyMap<string, ArrayLike<number>>;
}

/** What the content of a file says it is. An ONNX model begins with its IR version, field 1 of the message. */
function formatOf({ path, bytes }: ModelFile): 'text' | 'tflite' | 'onnx' | undefined {
  if (isGraphText(bytes)) return 'text';
  if (Buffer.from(bytes.subarray(4, 8)).toString('latin1') === 'TFL3') return 'tflite';
  return bytes[0] === 0x08 || path.endsWith('.onnx') ? 'onnx' : undefined;
}

function importBytes(file: ModelFile): ImportedModel {
  const format = formatOf(file);
  const refuse = (place: string, expected: string, found: string, advice: string): never => {
    throw new ImportError({ file: file.path, place, expected, found, advice });
  };
  if (format === undefined) {
    return refuse(
      'the first 8 bytes',
      'an ONNX model, a TensorFlow Lite model (identifier "TFL3") or tensor IR (text that begins with "graph ")',
      file.bytes.length === 0 ? 'an empty file' : `other content (${file.bytes.length} bytes)`,
      'Export the model to .onnx or .tflite first.',
    );
  }
  const { batch, shapes, constants } = file;
  const common = { name: file.name, file: file.path, ...(batch === undefined ? {} : { batch }) };
  if (format === 'onnx') {
    return defined(
      importOnnx(file.bytes, {
        ...common,
        ...(shapes === undefined ? {} : { shapes }),
        ...(constants === undefined ? {} : { constants }),
      }),
    );
  }
  if (shapes !== undefined || constants !== undefined) {
    const flag = shapes === undefined ? '--constant' : '--shape';
    refuse(
      `the option ${flag}`,
      'an ONNX model',
      `a ${format === 'text' ? 'graph in text' : '.tflite file'}`,
      'Leave it out.',
    );
  }
  return format === 'text' ? importText(file.bytes, common) : importTflite(file.bytes, common);
}

/** The graph in the form that counts as its definition; layers whose values it no longer has lose them. */
function defined(imported: ImportedModel): ImportedModel {
  assertValidGraph(imported.graph);
  const graph = canonicalize(imported.graph);
  const layers = imported.layers.map((layer) => ({
    ...layer,
    outputs: layer.outputs.filter((value) => graph.types.has(value)),
  }));
  return { ...imported, graph, layers };
}

/** Throws ImportError for a file that is no model mcc reads. */
export function importModel(file: ModelFile): ImportedModel {
  const imported = importBytes(file);
  const graph = withNumerics(imported.graph, file.numerics ?? 'tflm');
  assertValidGraph(graph);
  return { ...imported, graph };
}

/** Rounds of all passes that a graph gets at most: what a later pass leaves may be something for an earlier one. */
const MAX_ROUNDS = 4;

/** The exact passes; the result evaluates to the same bits. `onPatch` sees every rewrite. */
export function simplify(graph: Graph, onPatch?: (event: PatchEvent) => void): Graph {
  return rounds(graph, PIPELINE, onPatch);
}

/** A float graph as it is imported, in the form that counts as its definition: floats may round elsewhere than before. */
export function canonicalize(graph: Graph, onPatch?: (event: PatchEvent) => void): Graph {
  return rounds(graph, IMPORT_PIPELINE, onPatch);
}

function rounds(graph: Graph, passes: readonly Pass[], onPatch?: (event: PatchEvent) => void): Graph {
  let current = graph;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const result = runPasses(current, passes, { verifyEach: true, ...(onPatch === undefined ? {} : { onPatch }) });
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
