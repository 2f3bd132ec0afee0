/**
 * Converted networks under limits of memory: in strips of rows, and with the arena divided among memories. Every engine
 * gives the reference evaluation's bytes.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSession, type Runs } from '../../compiler/cli/engines/index.ts';
import { compile, simplify } from '../../compiler/compile.ts';
import { type Fitted, LimitError, lowerWithin } from '../../compiler/lower/fit.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { Machine } from '../../ir/loop/evaluate.ts';
import { assertValid as assertValidProgram } from '../../ir/loop/verify.ts';
import { assertValid as assertValidGraph } from '../../ir/tensor/verify.ts';
import { runBatch } from '../support/c-batch.ts';
import { bytesFault, loadNetworks, type Network } from '../support/networks.ts';
import { skipUnlessCommand } from '../support/toolchains.ts';

const test = suite('converted networks under limits of memory');
const networks = loadNetworks();

interface Limited {
  readonly network: Network;
  readonly fitted: Fitted;
}

/** Each network with the least memory, of some shares of what it needs layer by layer, that it can do with. */
function inStrips(): Limited[] {
  return networks.flatMap((network) => {
    const graph = simplify(network.graph);
    const { arenaBytes } = compile(network.graph, TARGETS.c).program;
    for (const share of [0.4, 0.6, 0.8]) {
      try {
        return [{ network, fitted: lowerWithin(graph, TARGETS.c, { ram: Math.floor(arenaBytes * share) }) }];
      } catch (error) {
        if (!(error instanceof LimitError)) throw error;
      }
    }
    return [];
  });
}

/** Each network with a fast memory too small for all and a slow one. */
function inRegions(): Limited[] {
  return networks.flatMap((network) => {
    const { arenaBytes, stateBytes } = compile(network.graph, TARGETS.c).program;
    if (arenaBytes < 64) return [];
    const fast = Math.max(stateBytes, Math.floor(arenaBytes / 3));
    const regions = [
      { name: 'fast', bytes: fast, weight: 1 },
      { name: 'slow', bytes: 2 ** 20, weight: 3 },
    ];
    return [{ network, fitted: lowerWithin(simplify(network.graph), TARGETS.c, { regions }) }];
  });
}

async function expectedOf({ network }: Limited): Promise<Runs> {
  const session = await openSession('reference', network.graph);
  return await session.run(network.inputs, { keepState: true });
}

const CASES: Readonly<Record<string, { readonly made: readonly Limited[]; readonly least: number }>> = {
  'in strips of rows': { made: inStrips(), least: 8 },
  'in two memories': { made: inRegions(), least: 40 },
};

for (const [name, { made, least }] of Object.entries(CASES)) {
  test(`${name}: the programs are valid, and the interpreter gives the reference's bytes`, async () => {
    const faults: string[] = [];
    for (const limited of made) {
      const { network, fitted } = limited;
      assertValidGraph(fitted.graph);
      assertValidProgram(fitted.program);
      const machine = new Machine(fitted.program);
      const found = network.inputs.map((inputs) => machine.run(inputs));
      const fault = bytesFault(await expectedOf(limited), found);
      if (fault !== undefined) faults.push(`${network.name}: ${fault}`);
    }
    assert.equal(faults, []);
    assert.ok(made.length >= least, `only ${made.length} networks`);
    console.log(`${name}: ${made.map(({ network }) => network.name).join(', ')}`);
  });

  test(`${name}: the C of the host, sanitizers watching`, async () => {
    if (skipUnlessCommand('gcc', `networks ${name} by gcc`)) return;
    const items = made.map(({ network, fitted }) => ({ program: fitted.program, runs: network.inputs }));
    const flags = ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
    const found = await runBatch(items, { cc: 'gcc', flags });
    const faults: string[] = [];
    for (const [i, limited] of made.entries()) {
      const fault = bytesFault(await expectedOf(limited), found[i] as Runs);
      if (fault !== undefined) faults.push(`${limited.network.name}: ${fault}`);
    }
    assert.equal(faults, []);
  });
}

test.run();
