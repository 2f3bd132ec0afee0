// A project with its runtime files builds with CMake alone and runs through its target "run".
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type NativeEngine,
  nativeEngines,
  renderCMakeLists,
  runtimeDirectory,
  runtimeFiles,
} from '../../compiler/cli/engines/native.ts';
import { engineTable } from '../../compiler/cli/engines/toolchains.ts';
import { skipUnless, skipUnlessCommand } from '../support/toolchains.ts';
import { oneFile, withProject } from './projects.ts';

const test = suite('cmake');

function addRuntime(project: string, engine: NativeEngine, sources: readonly string[], usesMath: boolean): void {
  for (const { from, to } of runtimeFiles(engine)) {
    mkdirSync(dirname(join(project, to)), { recursive: true });
    cpSync(from, join(project, to));
  }
  writeFileSync(join(project, 'CMakeLists.txt'), renderCMakeLists({ prefix: 'tiny', sources, usesMath }));
}

function cmake(args: readonly string[]): string {
  const env = { ...process.env, CFLAGS: '-Wall -Wextra -Wpedantic' };
  const result = spawnSync('cmake', args, { encoding: 'utf8', env });
  assert.ok(result.status === 0, `cmake ${args.join(' ')}\n${result.stdout}${result.stderr}`);
  return result.stdout + result.stderr;
}

function buildAndRun(project: string, outDir: string, engine: NativeEngine): string[] {
  const toolchain = engineTable[engine].cmake[0];
  cmake([
    ...['-S', project, '-B', outDir, '-DMCC_RUNS=2'],
    ...(toolchain === undefined ? [] : [`-DCMAKE_TOOLCHAIN_FILE=${toolchain}`]),
  ]);
  const log = cmake(['--build', outDir, '--target', 'run']);
  assert.not.match(log, /warning/i);
  return log.split('\n').filter((line) => line.startsWith('run '));
}

// y = x + 1 and the sum of x, on the seeded inputs of runs 0 and 1; the CRCs are computed in harness.test.ts.
const lines = /^run 0 input 0 seeded,run 0 output 0 bytes 8 crc \w{8},run 0 output 1 bytes 4 crc \w{8},run 1 input/;

const programs = nativeEngines.filter((engine) => engine !== 'emcc');
const logs: string[] = [];
for (const engine of programs) {
  test(`${engine}: configure, build, run`, () => {
    const name = `cmake on ${engine}`;
    if (skipUnlessCommand('cmake', name) || skipUnless(engine, name)) return;
    return withProject('tiny', (project, outDir) => {
      addRuntime(project, engine, ['tiny.c'], false);
      const log = buildAndRun(project, outDir, engine).join();
      assert.match(log, lines);
      logs.push(log);
      assert.is(log, logs[0], `${engine} and ${programs[0]} differ`);
    });
  });
}

for (const engine of ['c', 'cortex-m4', 'rv32imc'] satisfies NativeEngine[]) {
  test(`${engine}: with math.h`, () => {
    const name = `cmake with math.h on ${engine}`;
    if (skipUnlessCommand('cmake', name) || skipUnless(engine, name)) return;
    const model = oneFile({ before: 'float f(float x);', body: 'out0[0] = f(in0[0]); return 0;' });
    const files = {
      ...model,
      'tiny.c': '#include <math.h>\nfloat f(float x);\nfloat f(float x) { return expf(x); }\n',
    };
    return withProject(files, (project, outDir) => {
      addRuntime(project, engine, ['tiny.c'], true);
      assert.is(buildAndRun(project, outDir, engine).length, 4);
    });
  });
}

test('the toolchain files say the same as the table of engines', () => {
  for (const engine of nativeEngines) {
    const { cmake: files, machine, emulator, sources } = engineTable[engine];
    if (files.length === 0) continue;
    const text = files.map((file) => readFileSync(join(runtimeDirectory(), file), 'utf8')).join('\n');
    for (const word of [...machine, emulator?.command ?? '', ...(emulator?.args ?? [])]) {
      assert.ok(text.includes(word), `${files[0]} lacks ${word}`);
    }
    if (emulator?.command.startsWith('qemu-system') === true) {
      sources.forEach((source) => {
        assert.ok(text.includes(`harness/${source}`), `${files[0]} lacks ${source}`);
      });
    }
  }
});

test.run();
