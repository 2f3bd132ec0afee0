/** Numerics `litert`: the models answer as LiteRT.js does (recorded with 2.5.3), on engines of each kind. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type EngineName, openSession } from '../../compiler/cli/engines/index.ts';
import { firstDifference } from '../../compiler/cli/verify/difference.ts';
import { typeOfValue } from '../../ir/tensor/graph.ts';
import { canRun, goldens, hasShared, importShared } from '../support/golden.ts';

const MODELS = ['kws', 'ad', 'vww', 'ic', 'strww'] as const;
const ENGINES: readonly (readonly [EngineName, number])[] = [
  ['reference', 20],
  ['wasm', 20],
  ['c', 20],
  ['cortex-m4', 3],
];

const test = suite('models with numerics litert');

async function assertLitert(name: string, engine: EngineName, count: number): Promise<void> {
  const { graph } = importShared(name, 'litert');
  const { inputs } = goldens(name, count);
  const { outputs } = goldens(name, count, 'litert');
  const session = await openSession(engine, graph);
  try {
    const types = graph.outputs.map((output) => typeOfValue(graph, output));
    const difference = firstDifference(types, outputs, await session.run(inputs), 0);
    const reproduce = `npx mcc verify $MCC_SHARED/models/${name}.tflite --numerics litert --engines ${engine} --golden $MCC_SHARED/golden/${name}`;
    assert.is(difference, undefined, `${name} on ${engine}: ${JSON.stringify(difference)}\nreproduce: ${reproduce}`);
  } finally {
    session.close();
  }
}

if (hasShared('models with numerics litert')) {
  for (const [engine, count] of ENGINES) {
    if (!canRun(engine, `numerics litert on ${engine}`)) continue;
    for (const name of MODELS) {
      test(`${name} on ${engine}, ${count} inputs`, () => assertLitert(name, engine, count));
    }
  }
}

test.run();
