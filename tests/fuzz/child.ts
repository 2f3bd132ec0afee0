/**
 * Imports and builds mutants `from` to `to` (arguments 2 and 3) of a format (argument 1), one after the other. Before each it writes `seed N` to
 * stdout, and `failed N: reason` when that ends in anything but code or an error meant for the user; at last `done` with
 * the counts. To look at one mutant: `node --import ./tools/ts.mjs tests/fuzz/child.ts onnx N N`.
 */
import { writeSync } from 'node:fs';
import { emitC } from '../../backends/c/index.ts';
import { emitWasm } from '../../backends/wasm/index.ts';
import { importModel, lowerVerified, simplify } from '../../compiler/compile.ts';
import { ImportError } from '../../compiler/import/error.ts';
import { LowerError } from '../../compiler/lower/index.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { assertValid } from '../../ir/tensor/verify.ts';
import { FORMATS, type Format, type Mutant } from './mutant.ts';
import { loadOnnxCorpus, onnxMutantOf } from './onnx-corpus.ts';
import { loadCorpus, mutantOf } from './tflite-corpus.ts';

const MEMORY_LIMIT = 2 ** 30;
/** Of processor time: what the clock says depends on what else the machine does. */
const TIME_LIMIT_S = 10;

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Written at once, so that nothing is lost when this process is killed. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const counts = { imported: 0, built: 0, wasm: 0, refused: 0, failed: 0 };

function tryMutant({ bytes, name, buildC, buildWasm }: Mutant): void {
  const { graph } = importModel({ bytes, name: 'fuzz', path: `${name.replaceAll('/', '-')}.${format}` });
  assertValid(graph);
  counts.imported++;
  if (!buildC) return;
  const simple = simplify(graph);
  emitC(lowerVerified(simple, TARGETS['cortex-m4']).program, { prefix: 'fuzz', banner: [] });
  counts.built++;
  if (!buildWasm) return;
  emitWasm(lowerVerified(simple, TARGETS.wasm).program);
  counts.wasm++;
}

/** An error that tells the user something: not one that passes on what went wrong inside. */
function isForUser(error: unknown): error is Error {
  return error instanceof ImportError || (error instanceof LowerError && error.cause === undefined);
}

const format = FORMATS.find((known) => known === process.argv[2]) as Format;
const [from, to] = process.argv.slice(3).map(Number);

/** Mutant by seed. */
const MUTANTS: Readonly<Record<Format, () => Promise<(seed: number) => Mutant>>> = {
  async tflite() {
    const corpus = await loadCorpus();
    return (seed) => mutantOf(corpus, seed);
  },
  async onnx() {
    const corpus = loadOnnxCorpus();
    return (seed) => onnxMutantOf(corpus, seed);
  },
};

const mutantFor = await MUTANTS[format]();
for (let seed = from; seed <= to; seed++) {
  const mutant = mutantFor(seed);
  say(`seed ${seed}`);
  const start = processorSeconds();
  try {
    tryMutant(mutant);
  } catch (error) {
    if (isForUser(error)) {
      counts.refused++;
      if (from === to) say(error.message);
    } else {
      counts.failed++;
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
      say(`failed ${seed}: mutant of ${mutant.name}: ${stack.split('\n').slice(0, 6).join(' | ')}`);
    }
  }
  const seconds = processorSeconds() - start;
  if (seconds > TIME_LIMIT_S) {
    counts.failed++;
    say(`failed ${seed}: mutant of ${mutant.name}: ${seconds.toFixed(1)} s`);
  }
  // Peak memory never falls again, so the first mutant beyond the limit is the guilty one.
  const peak = process.resourceUsage().maxRSS * 1024;
  if (peak > MEMORY_LIMIT) {
    say(`failed ${seed}: mutant of ${mutant.name}: ${Math.round(peak / 2 ** 20)} MB of memory`);
    break;
  }
}
say(`done ${JSON.stringify(counts)}`);
