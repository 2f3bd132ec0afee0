/**
 * Records what the reference interpreters answer to the operator cases:
 *
 *   node --import tsx tools/goldens/make.ts [family…] [--python PATH]
 *
 * Without families, all. Writes `tests/import/tflite/opcases/<family>.golden.json`; see README.md in this folder.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  caseDigest,
  caseInputs,
  declaredCases,
  familyNames,
  goldenPath,
  type OpCase,
} from '../../tests/support/opcases.ts';
import { writeTflite } from '../../tests/support/tflite-writer.ts';

interface Job {
  readonly name: string;
  readonly reference: string;
  readonly model: string;
  readonly inputs: readonly (readonly string[])[];
  readonly outputs: number;
}
interface Answers {
  readonly versions: Readonly<Record<string, string>>;
  readonly answers: readonly ({ readonly name: string } & (
    | { readonly outputs: readonly (readonly string[])[] }
    | { readonly error: string }
  ))[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { python: { type: 'string', default: 'python3' } },
});
let refused = 0;
for (const family of positionals.length > 0 ? positionals : familyNames()) refused += await record(family);
process.exitCode = refused > 0 ? 1 : 0;

/** Records one family and returns the number of cases that its reference refused. */
async function record(family: string): Promise<number> {
  const cases = await declaredCases(family);
  const folder = mkdtempSync(join(tmpdir(), 'mcc-goldens-'));
  try {
    const prepared = cases.map((opCase, index) => prepare(opCase, join(folder, String(index))));
    const result = runReferences(
      prepared.map(({ job }) => job),
      folder,
    );
    const digests = new Map(prepared.map(({ job, digest }) => [job.name, digest]));
    return store(family, cases, digests, result);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function prepare(opCase: OpCase, folder: string): { readonly job: Job; readonly digest: string } {
  mkdirSync(folder);
  const write = (name: string, bytes: Uint8Array) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const modelBytes = writeTflite(opCase.model);
  const inputs = caseInputs(opCase);
  const job = {
    name: opCase.name,
    reference: opCase.reference,
    model: write('model.tflite', modelBytes),
    inputs: inputs.map((run, r) => run.map((bytes, i) => write(`in_${r}_${i}.bin`, bytes))),
    outputs: opCase.model.subgraphs[0].outputs.length,
  };
  return { job, digest: caseDigest(modelBytes, inputs) };
}

function runReferences(jobs: readonly Job[], folder: string): Answers {
  const jobsPath = join(folder, 'jobs.json');
  const resultPath = join(folder, 'result.json');
  writeFileSync(jobsPath, JSON.stringify(jobs));
  const script = fileURLToPath(new URL('run.py', import.meta.url));
  const run = spawnSync(values.python, [script, jobsPath, resultPath], { stdio: 'inherit' });
  if (run.status !== 0) throw new Error(`${values.python} ${script} failed; is it a Python with tflite-micro?`);
  return JSON.parse(readFileSync(resultPath, 'utf8'));
}

function store(
  family: string,
  cases: readonly OpCase[],
  digests: ReadonlyMap<string, string>,
  { versions, answers }: Answers,
): number {
  const references = new Map(cases.map((c) => [c.name, c.reference]));
  const golden: Record<string, string> = {};
  let refused = 0;
  for (const answer of answers) {
    if ('error' in answer) {
      refused++;
      console.error(`${family}/${answer.name}: the reference refuses it:\n  ${answer.error.replaceAll('\n', '\n  ')}`);
      continue;
    }
    const outputs = answer.outputs.map((run) => run.join(',')).join(';');
    golden[answer.name] = `${references.get(answer.name)} ${digests.get(answer.name)} ${outputs}`;
  }
  writeFileSync(goldenPath(family), `${JSON.stringify({ versions, cases: golden }, null, 2)}\n`);
  console.log(`${family}: ${Object.keys(golden).length} recorded, ${refused} refused`);
  return refused;
}
