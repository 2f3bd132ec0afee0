// Small hand-made projects in the shape that the C backend emits, in temporary folders.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const tinyDirectory = join(dirname(fileURLToPath(import.meta.url)), 'fixture');

/** Every warning that emitted code has to be free of. */
export const strictFlags = ['-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Wpedantic', '-Werror'];

/** A project folder and a folder for what is built from it; both disappear after `use`. */
export async function withProject<T>(
  files: Readonly<Record<string, string>> | 'tiny',
  use: (project: string, outDir: string) => T | Promise<T>,
): Promise<T> {
  const root = mkdtempSync(join(tmpdir(), 'mcc-test-'));
  const project = join(root, 'project');
  mkdirSync(project);
  try {
    if (files === 'tiny') {
      cpSync(tinyDirectory, project, { recursive: true });
    } else {
      for (const [name, text] of Object.entries(files)) {
        writeFileSync(join(project, name), text);
      }
    }
    return await use(project, join(root, 'out'));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/**
 * A whole project in one file: float inputs and outputs of `count` elements, `body` as the C statements of the run
 * function (with `in0`, `out0` and `arena` in scope, returning a status), `before` as declarations in front of it.
 */
export function oneFile(model: {
  readonly body: string;
  readonly before?: string;
  readonly count?: number;
  readonly arenaBytes?: number;
}): Readonly<Record<string, string>> {
  const count = model.count ?? 4;
  return {
    'model_adapter.c': `#include "mcc_model.h"
#include <string.h>
${model.before ?? ''}
static float in0[${count}];
static float out0[${count}];
static uint8_t arena[${model.arenaBytes ?? 16}] __attribute__((aligned(16)));
static int run(void) {
  (void)in0; (void)out0; (void)arena;
  ${model.body}
}
static const mcc_tensor inputs[] = {{"x", in0, sizeof in0}};
static const mcc_tensor outputs[] = {{"y", out0, sizeof out0}};
const mcc_model mcc_the_model = {"hand-made", inputs, 1, outputs, 1, arena, sizeof arena, run, NULL};
`,
  };
}

export function floats(...values: readonly number[]): Uint8Array {
  return new Uint8Array(new Float32Array(values).buffer);
}

export function toFloats(bytes: Uint8Array): readonly number[] {
  return [...new Float32Array(bytes.slice().buffer)];
}

/** The message of the error that `run` throws; fails when it does not throw. */
export async function messageOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('expected an error, but there was none');
}
