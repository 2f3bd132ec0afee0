/**
 * tflite-micro's answers, from a program that the user built: README.md in this folder states what it has to do.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One model, the files of its inputs by run, and how many outputs it has. */
export interface Job {
  readonly name: string;
  readonly reference: string;
  readonly model: string;
  readonly inputs: readonly (readonly string[])[];
  readonly outputs: number;
}

/** Output bytes in base64 by run, or the reason why there are none. */
export type Answer = { readonly name: string } & (
  | { readonly outputs: readonly (readonly string[])[] }
  | { readonly error: string }
);

/** Bytes that glibc fills fresh memory with: an answer that changes with them depends on memory never written. */
const FILLS = ['85', '202'] as const;

/**
 * Runs `command` twice on the job, with memory filled differently. What the program refuses, dies of or cannot decide is
 * the answer's error. Throws when the command itself cannot be started.
 */
export function runCommand(command: string, job: Job): Answer {
  const [first, second] = FILLS.map((fill) => runOnce(command, job, fill));
  if ('error' in first || JSON.stringify(first) === JSON.stringify(second)) return first;
  return { name: job.name, error: 'the answer depends on memory that the kernel never wrote' };
}

function runOnce(command: string, job: Job, fill: string): Answer {
  const { name, model, inputs, outputs } = job;
  const folder = join(model, '..', `out-${fill}`);
  mkdirSync(folder);
  const args = [model, folder, ...inputs.map((files) => files.join(','))];
  const run = spawnSync(command, args, { env: { ...process.env, MALLOC_PERTURB_: fill }, encoding: 'utf8' });
  if (run.error !== undefined) throw new Error(`cannot run ${command}, given as --runner: ${run.error.message}`);
  if (run.status !== 0) return { name, error: `ended with ${run.signal ?? run.status}\n${run.stderr}`.trim() };
  const read = (r: number, o: number) => readFileSync(join(folder, `out_${r}_${o}.bin`)).toString('base64');
  return { name, outputs: inputs.map((_, r) => Array.from({ length: outputs }, (_, o) => read(r, o))) };
}
