/** Every instruction and every access, compiled by several compilers, against the interpreter on edge values. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { OPCODES } from '../../../ir/loop/instructions.ts';
import { ACCESS_TYPE, type Access, ELEM_BYTES, type Elem } from '../../../ir/loop/types.ts';
import { skipUnlessCommand } from '../../support/toolchains.ts';
import { accessPieces, differences, instructionPieces, type Piece, programOf } from './instruction-program.ts';
import { COMPILERS, CROSS_COMPILERS, compileOnly, runC, runInterpreter } from './support.ts';

const suite = makeSuite('backends/c: instructions');

const ELEMS = Object.keys(ELEM_BYTES) as Elem[];
const PIECES: readonly Piece[] = [
  ...instructionPieces(OPCODES, 192),
  ...ELEMS.flatMap((elem) => (Object.keys(ACCESS_TYPE) as Access[]).flatMap((access) => accessPieces(elem, access))),
];
const { program: PROGRAM, starts: STARTS } = programOf(PIECES);
const [EXPECTED] = runInterpreter(PROGRAM, []) as [Uint8Array];

for (const compiler of COMPILERS) {
  suite(`${PIECES.length} kernels with ${compiler.name}`, () => {
    if (skipUnlessCommand(compiler.command, `C instructions, ${compiler.name}`)) return;
    if (compiler.runner && skipUnlessCommand(compiler.runner, `C instructions, ${compiler.name}`)) return;
    const [found] = runC(PROGRAM, 'ops', compiler, []) as [Uint8Array];
    const command = 'node --import ./tools/ts.mjs tests/backends/c/instructions.test.ts';
    assert.equal(differences(PIECES, STARTS, EXPECTED, found), [], command);
  });
}

for (const compiler of CROSS_COMPILERS) {
  suite(`compiles without a warning for ${compiler.name}`, () => {
    if (skipUnlessCommand(compiler.command, `C instructions, ${compiler.name}`)) return;
    compileOnly(PROGRAM, 'ops', compiler);
  });
}

suite.run();
