// The files of runtime/c that an emitted project contains, and the text of its CMakeLists.txt.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commonSources, commonSupport, engineTable, type NativeEngine } from './toolchains.ts';

/** `from` is an absolute path; `to` is relative to the project's folder, with '/' on every system. */
export interface RuntimeFile {
  readonly from: string;
  readonly to: string;
}

/** The absolute path of runtime/c: beside the sources in a checkout, beside dist/ in the installed package. */
export function runtimeDirectory(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  let folder = start;
  while (!existsSync(join(folder, 'runtime', 'c', 'mcc_model.h'))) {
    const parent = dirname(folder);
    if (parent === folder) {
      throw new Error(`runtime/c/mcc_model.h was not found in any folder above ${start}; reinstall mcc`);
    }
    folder = parent;
  }
  return join(folder, 'runtime', 'c');
}

/** The harness's own C files for an engine, as absolute paths. */
export function harnessSources(engine: NativeEngine): readonly string[] {
  return [...commonSources, ...engineTable[engine].sources].map((file) => join(runtimeDirectory(), file));
}

/**
 * The files to copy into a project that is to build with CMake for an engine: the harness into `harness/`, in the
 * same arrangement as runtime/c, and toolchain files into `cmake/`. The project's own C files stay at its top.
 */
export function runtimeFiles(engine: NativeEngine): readonly RuntimeFile[] {
  const facts = engineTable[engine];
  const harness = [...commonSupport, ...commonSources, ...facts.support, ...facts.sources];
  return [
    ...harness.map((file) => ({ from: join(runtimeDirectory(), file), to: `harness/${file}` })),
    ...facts.cmake.map((file) => ({ from: join(runtimeDirectory(), file), to: file })),
  ];
}

/**
 * The CMakeLists.txt of a project.
 * `sources`: the model's C files relative to the project's folder, without model_adapter.c.
 * `usesMath`: whether the compiler meets math.h in any of them, directly or through a header.
 */
export function renderCMakeLists(project: {
  readonly prefix: string;
  readonly sources: readonly string[];
  readonly usesMath: boolean;
}): string {
  const template = readFileSync(join(runtimeDirectory(), 'cmake', 'CMakeLists.txt.in'), 'utf8');
  return template
    .replaceAll('@PREFIX@', project.prefix)
    .replaceAll('@SOURCES@', project.sources.join(' '))
    .replaceAll('@USES_MATH@', project.usesMath ? 'ON' : 'OFF');
}
