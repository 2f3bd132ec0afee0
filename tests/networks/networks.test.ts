/** Networks from TensorFlow's converter: what they evaluate to, and the same bytes from the loop interpreter and WebAssembly. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type EngineName, openSession, type Runs } from '../../compiler/cli/engines/index.ts';
import { bytesFault, loadNetworks, type Network, networkFault } from '../support/networks.ts';

const test = suite('converted networks');

async function runOn(engine: EngineName, { graph, inputs }: Network): Promise<Runs> {
  const session = await openSession(engine, graph);
  try {
    return await session.run(inputs, { keepState: true });
  } finally {
    session.close();
  }
}

for (const network of loadNetworks()) {
  test(`${network.name} on reference, loop and wasm`, async () => {
    const expected = await runOn('reference', network);
    assert.is(networkFault(network, expected), undefined);
    for (const engine of ['loop', 'wasm'] as const) {
      const fault = bytesFault(expected, await runOn(engine, network));
      assert.is(fault, undefined, `${engine}: ${fault}`);
    }
  });
}

test.run();
