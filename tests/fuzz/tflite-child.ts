/**
 * Imports mutants `from` to `to` (arguments 1 and 2), one after the other. Before each it writes `seed N` to stdout, and
 * `failed N: reason` when importing ends in anything but a valid graph or an ImportError; at last `done` with the counts.
 * To look at one mutant: `node --import tsx tests/fuzz/tflite-child.ts N N`.
 */
import { writeSync } from 'node:fs';
import { ImportError } from '../../compiler/import/error.ts';
import { importTflite } from '../../compiler/import/tflite/import.ts';
import { assertValid } from '../../ir/tensor/verify.ts';
import { loadCorpus, mutantOf } from './tflite-corpus.ts';

const MEMORY_LIMIT = 2 ** 30;

/** Written at once, so that nothing is lost when this process is killed. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const [from, to] = process.argv.slice(2).map(Number);
const corpus = await loadCorpus();
const counts = { imported: 0, refused: 0, failed: 0 };
for (let seed = from; seed <= to; seed++) {
  const { name, bytes } = mutantOf(corpus, seed);
  say(`seed ${seed}`);
  try {
    assertValid(importTflite(bytes, { name }).graph);
    counts.imported++;
  } catch (error) {
    if (error instanceof ImportError) {
      counts.refused++;
      if (from === to) say(error.message);
    } else {
      counts.failed++;
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
      say(`failed ${seed}: mutant of ${name}: ${stack.split('\n').slice(0, 6).join(' | ')}`);
    }
  }
  // Peak memory never falls again, so the first mutant beyond the limit is the guilty one.
  const peak = process.resourceUsage().maxRSS * 1024;
  if (peak > MEMORY_LIMIT) {
    say(`failed ${seed}: mutant of ${name}: ${Math.round(peak / 2 ** 20)} MB of memory`);
    break;
  }
}
say(`done ${JSON.stringify(counts)}`);
