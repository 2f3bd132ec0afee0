/** Runs mutants in children, so that a crash or a mutant without an end costs one mutant and is told. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { Format } from './mutant.ts';

/** By the clock, for mutants that do not end; the child measures those that do. */
const TIME_LIMIT_MS = 60_000;
/** Loading the corpus comes before the first mutant. */
const START_LIMIT_MS = 60_000;
const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));

interface Outcome {
  /** The last mutant begun. */
  readonly last: number;
  readonly failures: readonly string[];
  readonly counts: Readonly<Record<'imported' | 'built' | 'wasm' | 'refused' | 'failed', number>> | undefined;
}

/** Runs one child until it is done, dies, or stays with one mutant for too long. */
function runChild(format: Format, from: number, to: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = [
      '--max-old-space-size=1024',
      '--import',
      './tools/ts.mjs',
      CHILD,
      format,
      String(from),
      String(to),
    ];
    const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
    const failures: string[] = [];
    let last = from;
    let counts: Outcome['counts'];
    const kill = () => {
      failures.push(`failed ${last}: no end within ${TIME_LIMIT_MS / 1000} s`);
      child.kill('SIGKILL');
    };
    let timer = setTimeout(kill, START_LIMIT_MS);
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      clearTimeout(timer);
      timer = setTimeout(kill, TIME_LIMIT_MS);
      if (line.startsWith('seed ')) last = Number(line.slice('seed '.length));
      else if (line.startsWith('failed ')) failures.push(line);
      else if (line.startsWith('done ')) counts = JSON.parse(line.slice('done '.length));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (counts === undefined && failures.length === 0)
        failures.push(`failed ${last}: process ended with ${signal ?? code}`);
      resolve({ last, failures, counts });
    });
  });
}

/** Tries mutants `first` to `first + count - 1`. Throws what the first failures say, with the commands that repeat them. */
export async function tryMutants(format: Format, first: number, count: number): Promise<void> {
  const failures: string[] = [];
  const end = first + count - 1;
  let next = first;
  const totals = { imported: 0, built: 0, wasm: 0 };
  while (next <= end && failures.length < 10) {
    const outcome = await runChild(format, next, end);
    failures.push(...outcome.failures);
    for (const key of ['imported', 'built', 'wasm'] as const) totals[key] += outcome.counts?.[key] ?? 0;
    next = outcome.last + 1;
  }
  const { imported, built, wasm } = totals;
  console.log(`${count} damaged files: ${imported} still models, ${built} built as C, ${wasm} as WebAssembly`);
  const reproduce = failures.map((line) => {
    const seed = line.split(/[ :]/)[1];
    return `${line}\n    node --import ./tools/ts.mjs tests/fuzz/child.ts ${format} ${seed} ${seed}`;
  });
  assert.ok(failures.length === 0, reproduce.slice(0, 10).join('\n'));
  assert.ok(built > 0 && wasm > 0, 'many changes leave a model whole: none did, so nothing was tested');
}
