/** Networks from TensorFlow's converter: the host's C and the firmware of a Cortex-M4 give the reference evaluation's bytes. */
import { availableParallelism } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type EngineName, openSession, type Runs } from '../../compiler/cli/engines/index.ts';
import { compile } from '../../compiler/compile.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { runBatch } from '../support/c-batch.ts';
import { bytesFault, loadNetworks, type Network } from '../support/networks.ts';
import { skipUnless, skipUnlessCommand } from '../support/toolchains.ts';

const test = suite('converted networks in C');
const networks = loadNetworks();

async function runOn(engine: EngineName, { graph, inputs }: Network): Promise<Runs> {
  const session = await openSession(engine, graph);
  try {
    return await session.run(inputs, { keepState: true });
  } finally {
    session.close();
  }
}

const evaluated = Promise.all(networks.map((network) => runOn('reference', network)));

async function faults(found: readonly Runs[]): Promise<string[]> {
  const expected = await evaluated;
  return networks.flatMap(({ name }, i) => {
    const fault = bytesFault(expected[i] as Runs, found[i] as Runs);
    return fault === undefined ? [] : [`${name}: ${fault}`];
  });
}

test('every network in the C of the host, sanitizers watching', async () => {
  if (skipUnlessCommand('gcc', 'converted networks by gcc')) return;
  const items = networks.map(({ graph, inputs }) => ({ program: compile(graph, TARGETS.c).program, runs: inputs }));
  const flags = ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  assert.equal(await faults(await runBatch(items, { cc: 'gcc', flags })), []);
});

test('every network on an emulated Cortex-M4', async () => {
  if (skipUnless('cortex-m4', 'converted networks on cortex-m4')) return;
  const found: Runs[] = [];
  const indices = networks.keys();
  const worker = async (): Promise<void> => {
    for (const i of indices) found[i] = await runOn('cortex-m4', networks[i] as Network);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  assert.equal(await faults(found), []);
});

test.run();
