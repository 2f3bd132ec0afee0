/** Tensor IR as `mcc inspect --ir tensor` and `mcc compress` print it, read back as a model. */
import { parseGraph } from '../../ir/tensor/parse.ts';
import { ParseError } from '../../ir/tensor/scan.ts';
import { verifyGraph } from '../../ir/tensor/verify.ts';
import { ImportError } from './error.ts';
import type { ImportedModel } from './imported-model.ts';
import type { ImportOptions } from './tflite/import.ts';

const START = 'graph ';

/** Whether the file begins as a printed graph does. */
export function isGraphText(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, START.length)).toString('latin1') === START;
}

/** Throws ImportError for text that is no valid graph, with line and column, and for a batch, which text has settled. */
export function importText(bytes: Uint8Array, options: ImportOptions): ImportedModel {
  const file = options.file ?? options.name;
  if (options.batch !== undefined) {
    throw new ImportError({
      file,
      place: 'the option --batch',
      expected: 'a model whose batch is open',
      found: `tensor IR, whose shapes are settled, and --batch ${options.batch}`,
      advice: 'Give --batch when the text is made from the original model.',
    });
  }
  const graph = { ...parsed(bytes, file), name: options.name };
  const [fault] = verifyGraph(graph);
  if (fault !== undefined) {
    const { where, law, expected, found } = fault;
    const advice = `The graph breaks the law ${law}; ir/tensor/README.md has them all.`;
    throw new ImportError({ file, place: where, expected, found, advice });
  }
  const layers = graph.nodes.map(({ op, outputs }, index) => ({ index, opcode: op, outputs }));
  return { graph, layers, tensorNames: new Map(), description: 'tensor IR' };
}

function parsed(bytes: Uint8Array, file: string) {
  try {
    return parseGraph(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const { line, column, expected, found } = error;
    const advice = 'Expected tensor IR, as `mcc inspect --ir tensor` prints it into a file.';
    throw new ImportError({ file, place: `line ${line}, column ${column}`, expected, found, advice });
  }
}
