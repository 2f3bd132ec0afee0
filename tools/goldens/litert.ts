/**
 * Records what LiteRT answers by itself, XNNPACK included, to the operator cases that numerics `litert` changes:
 *
 *   node --import ./tools/ts.mjs tools/goldens/litert.ts [--python PATH]
 *
 * Writes tests/import/tflite/litert.golden.json; the Python needs tensorflow-cpu 2.21.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LITERT_GOLDEN, litertCases } from '../../tests/support/litert.ts';
import type { LoadedCase } from '../../tests/support/opcases.ts';

const { values } = parseArgs({ options: { python: { type: 'string', default: 'python3' } } });
const folder = mkdtempSync(join(tmpdir(), 'mcc-litert-'));
try {
  const cases = await litertCases();
  const jobs = cases.map(({ loaded, name }, i) => job(loaded, name, join(folder, String(i))));
  const [jobsPath, resultPath] = [join(folder, 'jobs.json'), join(folder, 'result.json')];
  writeFileSync(jobsPath, JSON.stringify(jobs));
  const script = fileURLToPath(new URL('run.py', import.meta.url));
  const run = spawnSync(values.python, [script, jobsPath, resultPath], { stdio: 'inherit' });
  if (run.status !== 0) throw new Error(`${values.python} ${script} failed; is it a Python with TensorFlow?`);
  store(JSON.parse(readFileSync(resultPath, 'utf8')));
} finally {
  rmSync(folder, { recursive: true });
}

function job({ modelBytes, inputs }: LoadedCase, name: string, place: string) {
  mkdirSync(place);
  const write = (file: string, bytes: Uint8Array) => {
    writeFileSync(join(place, file), bytes);
    return join(place, file);
  };
  return {
    name,
    kernels: 'default',
    model: write('model.tflite', modelBytes),
    inputs: inputs.map((run, r) => run.map((bytes, i) => write(`in_${r}_${i}.bin`, bytes))),
  };
}

interface Result {
  readonly versions: Readonly<Record<string, string>>;
  readonly answers: readonly { readonly name: string; readonly outputs?: readonly (readonly string[])[] }[];
}

function store({ versions, answers }: Result): void {
  const recorded = answers.filter(({ outputs }) => outputs !== undefined);
  const cases = Object.fromEntries(
    recorded.map(({ name, outputs = [] }) => [name, outputs.map((run) => run.join(',')).join(';')]),
  );
  writeFileSync(LITERT_GOLDEN, `${JSON.stringify({ versions, cases }, null, 2)}\n`);
  console.log(`${recorded.length} recorded, ${answers.length - recorded.length} refused`);
}
