/**
 * Records what the reference interpreters answer to the operator cases:
 *
 *   node --import ./tools/ts.mjs tools/goldens/make.ts [family…] --runner PATH [--python PATH]
 *
 * `--runner` is a build of tflite-micro, `--python` a Python with TensorFlow; without families, all. Writes `tests/import/tflite/opcases/<family>.golden.json`; see README.md in this folder.
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
import { type Answer, type Job, runCommand } from './command.ts';

interface Answers {
  readonly versions: Readonly<Record<string, string>>;
  readonly answers: readonly Answer[];
}

/** The build of tflite-micro that `--runner` has to be; the numbers differ between commits. */
const TFLM_VERSION = '90b983c2 x86-64 gcc';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runner: { type: 'string' }, python: { type: 'string', default: 'python3' } },
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

/** Answers in the order of the jobs. */
function runReferences(jobs: readonly Job[], folder: string): Answers {
  const [micro, lite] = ['tflm', 'tflite'].map((reference) => jobs.filter((job) => job.reference === reference));
  const tflite = lite.length > 0 ? runPython(lite, folder) : { versions: {}, answers: [] };
  const answers = new Map([...runMicro(micro), ...tflite.answers].map((answer) => [answer.name, answer]));
  return {
    versions: { ...tflite.versions, ...(micro.length > 0 ? { tflm: TFLM_VERSION } : {}) },
    answers: jobs.map(({ name }) => answers.get(name) as Answer),
  };
}

function runMicro(jobs: readonly Job[]): Answer[] {
  const { runner } = values;
  if (jobs.length === 0) return [];
  if (runner === undefined) {
    throw new Error(`${jobs.length} cases need tflite-micro: give --runner PATH, see tools/goldens/README.md`);
  }
  return jobs.map((job) => runCommand(runner, job));
}

function runPython(jobs: readonly Job[], folder: string): Answers {
  const jobsPath = join(folder, 'jobs.json');
  const resultPath = join(folder, 'result.json');
  writeFileSync(jobsPath, JSON.stringify(jobs));
  const script = fileURLToPath(new URL('run.py', import.meta.url));
  const run = spawnSync(values.python, [script, jobsPath, resultPath], { stdio: 'inherit' });
  if (run.status !== 0) throw new Error(`${values.python} ${script} failed; is it a Python with TensorFlow?`);
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
