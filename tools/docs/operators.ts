/**
 * Writes `docs/tflite-operators.md` from the converters and the operator cases:
 *
 *   node --import ./tools/ts.mjs tools/docs/operators.ts
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ImportError } from '../../compiler/import/error.ts';
import type { ImportedModel } from '../../compiler/import/imported-model.ts';
import { CONVERTERS } from '../../compiler/import/tflite/convert/index.ts';
import { importTflite } from '../../compiler/import/tflite/import.ts';
import { SUPPORTED_OPERATORS, type SupportedOperator } from '../../compiler/import/tflite/opcodes.ts';
import { typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import type { DType } from '../../ir/tensor/types.ts';
import { declaredCases, familyNames, type OpCase, type Reference } from '../../tests/support/opcases.ts';
import { writeTflite } from '../../tests/support/tflite-writer.ts';

export const PAGE = fileURLToPath(new URL('../../docs/tflite-operators.md', import.meta.url));

interface Coverage {
  /** Names of the ops it is imported as. */
  readonly ops: Set<string>;
  readonly types: Readonly<Record<Reference, Set<string>>>;
  cases: number;
}

/** Types that only say what to do with the others. */
const HELPERS: readonly DType[] = ['bool', 'i32'];

/** `i8`, `f32 → i8`, `i16 × i8` for activations times weights. */
function typeLabel({ graph }: ImportedModel): string {
  const dtypes = (names: readonly ValueName[]) => [...new Set(names.map((name) => typeOfValue(graph, name).dtype))];
  const results = dtypes(graph.outputs);
  const foreign = dtypes(graph.inputs).filter((dtype) => !results.includes(dtype));
  const converts = foreign.length === dtypes(graph.inputs).length || foreign.some((dtype) => !HELPERS.includes(dtype));
  const label = converts && foreign.length > 0 ? `${foreign.join(', ')} → ${results.join(', ')}` : results.join(', ');
  return `${label}${weightsLabel({ graph })}`;
}

/** The element type of weights that are narrower than what they are multiplied with. */
function weightsLabel({ graph }: Pick<ImportedModel, 'graph'>): string {
  const layer = graph.nodes.find(({ op }) => /conv2d$|^fully_connected$|^svdf$|lstm$/.test(op));
  if (layer === undefined) return '';
  const [x, w] = layer.inputs.map((name) => typeOfValue(graph, name).dtype);
  return w === undefined || w === x ? '' : ` × ${w}`;
}

function add(coverage: Coverage, opCase: OpCase): void {
  let imported: ImportedModel;
  try {
    imported = importTflite(writeTflite(opCase.model), { name: opCase.name });
  } catch (error) {
    // A few cases record what interpreters do with types that mcc refuses.
    if (error instanceof ImportError) return;
    throw error;
  }
  coverage.cases++;
  for (const { op } of imported.graph.nodes) coverage.ops.add(op);
  coverage.types[opCase.reference].add(typeLabel(imported));
}

async function coverageByOperator(): Promise<Map<SupportedOperator, Coverage>> {
  const all = new Map<SupportedOperator, Coverage>();
  for (const name of SUPPORTED_OPERATORS) {
    if (CONVERTERS[name] === undefined) continue;
    all.set(name, { ops: new Set(), types: { tflm: new Set(), tflite: new Set() }, cases: 0 });
  }
  for (const family of familyNames()) {
    for (const opCase of await declaredCases(family)) {
      const operators = new Set(opCase.model.subgraphs.flatMap((subgraph) => subgraph.operators.map(({ op }) => op)));
      // Of models with several operators the types are not one operator's.
      const [only] = operators;
      const coverage = all.get(only as SupportedOperator);
      if (operators.size === 1 && coverage !== undefined) add(coverage, opCase);
    }
  }
  return all;
}

function row(name: SupportedOperator, { ops, types, cases }: Coverage): string {
  const code = (items: Iterable<string>) =>
    [...items]
      .sort()
      .map((item) => `\`${item}\``)
      .join(' ');
  const cells = [`\`${name}\``, code(ops), code(types.tflm), code(types.tflite), cases === 0 ? '' : String(cases)];
  return `| ${cells.join(' | ')} |`;
}

/** The text of the page. */
export async function operatorsPage(): Promise<string> {
  const rows = [...(await coverageByOperator())].map(([name, coverage]) => row(name, coverage));
  return `<!-- Made by tools/docs/operators.ts. Change that, not this. -->

# TFLite operators

Every operator that mcc imports, the tensor IR ops it becomes, and the types for which answers of a reference
interpreter are recorded in \`tests/import/tflite/opcases\`. \`f32 → i8\` is a conversion, \`i16 × i8\` are activations and
weights of different types. What an op computes, and every type it takes, is printed by \`mcc ops\`. An operator that
is not here, or a type that its op does not take, is refused at import, with the operator's place in the file.

| operator | becomes | equal to tflite-micro | compared with TensorFlow's reference kernels | cases |
|---|---|---|---|---|
${rows.join('\n')}

- Integers are equal to the recorded bytes. One exception, an exact tie that only TensorFlow's own kernels could answer,
  differs by 1, because those kernels multiply scales in another precision.
- Floats are within a tolerance of the recorded answers (1e-5 absolute or relative), and bit-equal between the engines.
- Float layers with int8 weights (\`f32 × i8\`) keep their activations as floats. Interpreters round them to 8 bits first,
  so answers differ by up to half of that rounding step for each weight.
- Operators without cases of their own become no op, or stand only in models with other operators: \`DENSIFY\`, \`IF\` and
  the operators of variables are tested together with an op that reads their result.
- Float16 and sparse weights become dense float32 or int8 constants at import.
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, await operatorsPage());
