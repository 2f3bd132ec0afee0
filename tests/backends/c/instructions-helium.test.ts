/** Helium's instructions, the other vector instructions and all vector accesses on an emulated Cortex-M55. */
import { join } from 'node:path';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { projectFiles } from '../../../compiler/cli/emit.ts';
import { compileProject, runExecutable } from '../../../compiler/cli/engines/native.ts';
import { writeFiles } from '../../../compiler/cli/output.ts';
import { OPCODES } from '../../../ir/loop/instructions.ts';
import { ACCESS_TYPE, type Access } from '../../../ir/loop/types.ts';
import { skipUnless } from '../../support/toolchains.ts';
import { accessPieces, differences, instructionPieces, programOf } from './instruction-program.ts';
import { inTemporaryFolder, runInterpreter } from './support.ts';

const suite = makeSuite('backends/c: Helium');
const AGAIN = 'node --import ./tools/ts.mjs tests/backends/c/instructions-helium.test.ts';
const TARGET = 'cortex-m55';

/** Boards' memory is small, so what is tried is divided among programs. */
function parts<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}

const vectors = OPCODES.filter((name) => /^(v128|i8x16|i16x8|i32x4|mve)\./.test(name));
const accesses = (Object.keys(ACCESS_TYPE) as Access[]).filter((access) => ACCESS_TYPE[access] === 'v128');
const PIECES = [
  ...parts(vectors, 40).map((names) => instructionPieces(names, 32)),
  accesses.flatMap((access) => (['i8', 'i32'] as const).flatMap((elem) => accessPieces(elem, access))),
];

for (const [part, pieces] of PIECES.entries()) {
  for (const optimize of ['-O0', '-O2'] as const) {
    suite(`part ${part + 1} of ${PIECES.length}, ${pieces.length} kernels, ${optimize}`, () => {
      if (skipUnless(TARGET, `Helium instructions, part ${part + 1}`)) return;
      const { program, starts } = programOf(pieces);
      const [expected] = runInterpreter(program, []) as [Uint8Array];
      const found = inTemporaryFolder((folder) => {
        writeFiles(folder, projectFiles(program, { prefix: 'ops', target: TARGET, banner: [] }));
        const executable = compileProject(folder, TARGET, { outDir: join(folder, 'out'), optimize });
        return runExecutable(executable, [[]]).outputs[0]?.[0] as Uint8Array;
      });
      assert.equal(differences(pieces, starts, expected, found), [], AGAIN);
    });
  }
}

suite.run();
