/**
 * Writes `docs/onnx-ops.md` from the converters and what becomes of the ONNX suite:
 *
 *   node --import ./tools/ts.mjs tools/docs/onnx-operators.ts
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { knownOperators } from '../../compiler/import/onnx/convert/index.ts';
import { exceptionOf } from '../../tests/support/onnx-exceptions.ts';
import { type CaseResult, resultsOf } from '../../tests/support/onnx-results.ts';

export const PAGE = fileURLToPath(new URL('../../docs/onnx-ops.md', import.meta.url));

/** Operators with converters, as results name them. */
function operatorNames(): string[] {
  const names = [...knownOperators()].flatMap(([domain, operators]) =>
    operators.map((operator) => (domain === '' ? operator : `${domain}.${operator}`)),
  );
  return names.sort();
}

function row(operator: string, results: readonly CaseResult[]): string {
  const own = results.filter(({ operators }) => operators.includes(operator));
  // Of models with several operators the ops are not one operator's.
  const single = own.filter(({ operators, fault }) => operators.length === 1 && fault === undefined);
  const ops = [...new Set(single.flatMap((result) => result.ops))].sort();
  const passed = own.filter(({ fault }) => fault === undefined).length;
  const cells = [
    `\`${operator}\``,
    ops.map((op) => `\`${op}\``).join(' '),
    own.length === 0 ? '' : `${passed} of ${own.length}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** One line for each reason, with how many cases it concerns. */
function reasons(results: readonly CaseResult[], outside: boolean): string {
  const counts = new Map<string, number>();
  for (const { name, fault } of results) {
    const exception = exceptionOf(name);
    if (fault === undefined || exception === undefined || exception.outside !== outside) continue;
    counts.set(exception.reason, (counts.get(exception.reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => `- ${count}: ${reason}.`).join('\n');
}

/** The text of the page. */
export function onnxOperatorsPage(): string {
  const results = resultsOf('node');
  const inside = results.filter(({ name }) => exceptionOf(name)?.outside !== true);
  const passed = inside.filter(({ fault }) => fault === undefined).length;
  return `<!-- Made by tools/docs/onnx-operators.ts. Change that, not this. -->

# ONNX operators

Every operator that mcc imports, the tensor IR ops it becomes in the suite's cases of it alone (none where a case is
computed at import), and how many cases of the ONNX project's backend test suite (onnx 1.22.0, \`node\`) that use it pass:
${passed} of the ${inside.length} whose answers are not random and whose shapes are static. Operators that stand in no case have
none of their own. What an op computes is printed by \`mcc ops\`; [onnx.md](onnx.md) says how models are read.

| operator | becomes | cases |
|---|---|---|
${operatorNames()
  .map((operator) => row(operator, results))
  .join('\n')}

## What does not pass

${reasons(results, false)}

Outside of what a compiler for static shapes can promise:

${reasons(results, true)}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, onnxOperatorsPage());
