/** Emitted C compiles without a warning, as C99 and as C++17, on gcc and clang. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { projectFiles } from '../../compiler/cli/emit.ts';
import { runCommand } from '../../compiler/cli/engines/process.ts';
import { writeFiles } from '../../compiler/cli/output.ts';
import { compile } from '../../compiler/compile.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { FLOAT_MODELS, hasShared, INT8_MODELS, importShared } from '../support/golden.ts';
import { skipUnlessCommand } from '../support/toolchains.ts';

const WARNINGS = ['-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Wpedantic', '-Werror'];
const COMPILERS = [
  { command: 'gcc', dialect: ['-xc', '-std=c99'] },
  { command: 'clang', dialect: ['-xc', '-std=c99'] },
  { command: 'g++', dialect: ['-xc++', '-std=c++17'] },
  { command: 'clang++', dialect: ['-xc++', '-std=c++17'] },
] as const;

const test = suite('warnings of emitted C');

if (hasShared('warnings of emitted C')) {
  const models = [...INT8_MODELS, ...FLOAT_MODELS.map((model) => model.name)];
  const cases = [
    ...models.map((name) => ({ name, target: 'cortex-m4' }) as const),
    // With vectors of this machine.
    ...['strww', 'ic', 'ic_f32'].map((name) => ({ name, target: 'x86-64' }) as const),
  ];
  for (const { name, target } of cases) {
    test(`${name} for ${target} compiles without warnings`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'mcc-warnings-'));
      try {
        const { program } = compile(importShared(name).graph, TARGETS[target]);
        writeFiles(folder, projectFiles(program, { prefix: name, target, banner: [] }));
        const sources = readdirSync(folder).filter((file) => file.endsWith('.c') && file !== 'model_adapter.c');
        for (const { command, dialect } of COMPILERS) {
          if (skipUnlessCommand(command, `${name} with ${command}`)) continue;
          const args = [...dialect, ...WARNINGS, '-O1', '-c', '-o', '/dev/null', ...sources];
          const { status, stderr } = runCommand({ command, args, cwd: folder, timeoutMs: 120_000 });
          assert.is(status, 0, `${command} ${args.join(' ')}\n${stderr.slice(0, 2000)}`);
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
}

test.run();
