/** Numerics `litert`: the operators that XNNPACK takes give the bytes that LiteRT answers by itself. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { importModel } from '../../../compiler/compile.ts';
import { withNumerics } from '../../../compiler/import/tflite/numerics.ts';
import { evaluated, graphOf } from '../../support/cases.ts';
import { LITERT_GOLDEN, litertCases } from '../../support/litert.ts';
import { loadCases } from '../../support/opcases.ts';

const AGAIN = 'node --import ./tools/ts.mjs tests/import/tflite/litert.test.ts';

/** XNNPACK refuses int4 filters, and takes int4 rows in another order; the importer widens both, so they look like int8. */
const WIDENED = [
  'conv/conv int4 weights',
  'conv/conv int4 weights odd count',
  'conv/depthwise int4 weights',
  'dense/fully connected int4 weights',
];

const test = suite('numerics litert');

test('operator cases have the recorded bytes', async () => {
  const golden: { cases: Record<string, string> } = JSON.parse(readFileSync(LITERT_GOLDEN, 'utf8'));
  const cases = (await litertCases()).filter(({ name }) => golden.cases[name] !== undefined);
  const wrong = cases.filter(({ name, loaded, graph }) => {
    const found = evaluated(graph, loaded).map((run) => run.map((b) => Buffer.from(b).toString('base64')).join(','));
    return found.join(';') !== golden.cases[name];
  });
  assert.equal(
    wrong.map(({ name }) => name).filter((name) => !WIDENED.includes(name)),
    [],
    AGAIN,
  );
  assert.ok(cases.length >= 300, `only ${cases.length} cases`);
  assert.is(Object.keys(golden.cases).length, cases.length, 'recorded cases that are no longer there');
});

test('what XNNPACK refuses keeps its arithmetic', async () => {
  const named = async (name: string) => {
    const found = (await loadCases()).find((loaded) => `${loaded.family}/${loaded.case.name}` === name);
    return graphOf(found as NonNullable<typeof found>);
  };
  for (const name of ['dense/fully connected int8 weights with zero point', 'dense/batch matmul int8']) {
    const graph = await named(name);
    assert.is(withNumerics(graph, 'litert').nodes[0], graph.nodes[0], name);
  }
});

test('tflm is what the importer makes', async () => {
  const [loaded] = await loadCases(['conv']);
  const bytes = (loaded as NonNullable<typeof loaded>).modelBytes;
  const plain = importModel({ path: 'conv.tflite', name: 'case', bytes }).graph;
  assert.equal(importModel({ path: 'conv.tflite', name: 'case', bytes, numerics: 'tflm' }).graph.nodes, plain.nodes);
});

test.run();
