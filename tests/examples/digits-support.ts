/** What the tests of examples/digits share. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** One entry of samples.json: a test picture, its label, and the file with tflite-micro's answer to it. */
export interface Sample {
  readonly input: string;
  readonly output: string;
  readonly label: number;
  readonly mnistTestIndex: number;
}

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
export const DIGITS_FOLDER = `${REPOSITORY}examples/digits/`;

/** Runs a command in the repository's root and returns its standard output; a failure throws with all it said. */
export function command(program: string, args: readonly string[]): string {
  const done = spawnSync(program, args, { cwd: REPOSITORY, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (done.status !== 0) {
    throw new Error(
      `in ${REPOSITORY}: ${program} ${args.join(' ')}\n` +
        `ended with ${done.error?.message ?? done.signal ?? `status ${done.status}`}\n${done.stdout}${done.stderr}`,
    );
  }
  return done.stdout;
}

/** Compiles digits.tflite for `target` into examples/digits/build/`folder`, where the applications look for it. */
export function buildNetwork(target: string, folder: string): void {
  const out = `examples/digits/build/${folder}/`;
  const args = ['build', 'examples/digits/digits.tflite', '--target', target, '-o', out];
  command(process.execPath, ['--import', './tools/ts.mjs', 'compiler/cli/main.ts', ...args]);
}
