/** Emitted projects on boards: scalar and DSP instructions under emulation give what the interpreter gives. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitProject } from '../../../backends/c/project.ts';
import {
  compileProject,
  type NativeEngine,
  renderCMakeLists,
  runExecutable,
  runtimeFiles,
} from '../../../compiler/cli/engines/native.ts';
import { FunctionBuilder, op } from '../../../ir/loop/build.ts';
import { Machine } from '../../../ir/loop/evaluate.ts';
import { OPCODES } from '../../../ir/loop/instructions.ts';
import type { Program } from '../../../ir/loop/types.ts';
import { skipUnless } from '../../support/toolchains.ts';
import { differences, instructionPieces, programOf } from './instruction-program.ts';
import { inTemporaryFolder, STRICT, writeFiles } from './support.ts';

const suite = makeSuite('backends/c: projects');

function filesOf(program: Program, prefix: string, engine: NativeEngine) {
  const runtime = runtimeFiles(engine).map(({ from, to }) => ({ name: to, text: readFileSync(from, 'utf8') }));
  const options = { prefix, banner: ['Made by a test.'], target: engine, runtime, cmakeLists: renderCMakeLists };
  return emitProject(program, options).files;
}

function runOn(program: Program, engine: NativeEngine, runs: readonly (readonly Uint8Array[])[]) {
  return inTemporaryFolder((folder) => {
    writeFiles(
      folder,
      filesOf(program, 'model', engine).filter(({ name }) => !name.includes('/')),
    );
    const executable = compileProject(folder, engine, { outDir: join(folder, 'out'), flags: STRICT });
    return runExecutable(executable, runs, { keepState: true }).outputs;
  });
}

const SCALARS = instructionPieces(
  OPCODES.filter((name) => !/^v128|^[iuf]\d+x\d+/.test(name)),
  40,
);
const { program: PROGRAM, starts: STARTS } = programOf(SCALARS);
const [EXPECTED] = new Machine(PROGRAM).run([]) as [Uint8Array];

/** `total += x`, kept from run to run; `y = total`. */
function counter(): Program {
  const clear = new FunctionBuilder('clear', []);
  const state = clear.buffer('total', 'i32', 4, 'out');
  clear.for('i', 0, 4, (i) => clear.store(state, i, op('i32.mul', [i, 100])));
  const step = new FunctionBuilder('step', []);
  const x = step.buffer('x', 'i32', 4, 'in');
  const total = step.buffer('total', 'i32', 4, 'inout');
  const y = step.buffer('y', 'i32', 4, 'out');
  step.for('i', 0, 4, (i) => {
    const sum = step.let('sum', op('i32.add', [total.at(i), x.at(i)]));
    step.store(total, i, sum);
    step.store(y, i, sum);
  });
  const arena = { kind: 'arena', offset: 0 } as const;
  const port = { elem: 'i32', length: 4, shape: [4], type: 'i32' } as const;
  return {
    name: 'counter',
    functions: [clear.finish(), step.finish()],
    roms: [],
    inputs: [{ ...port, name: 'x' }],
    outputs: [{ ...port, name: 'y' }],
    arenaBytes: 16,
    arenaAlign: 16,
    stateBytes: 16,
    run: [{ fn: 'step', args: [{ kind: 'input', index: 0 }, arena, { kind: 'output', index: 0 }], doc: 'count' }],
    reset: [{ fn: 'clear', args: [arena], doc: 'clear' }],
  };
}

const RUNS = [
  [1, 2, 3, 4],
  [5, -6, 7, -800],
  [0, 0, 1, 1],
].map((values) => [new Uint8Array(Int32Array.from(values).buffer)]);

for (const engine of [
  'c',
  'emcc',
  'aarch64',
  'cortex-m0plus',
  'cortex-m3',
  'cortex-m4',
  'cortex-m55',
  'rv32imc',
] as const) {
  suite(`scalar instructions on ${engine}`, () => {
    if (skipUnless(engine, `C scalar instructions, ${engine}`)) return;
    const [[found]] = runOn(PROGRAM, engine, [[]]) as [[Uint8Array]];
    assert.equal(
      differences(SCALARS, STARTS, EXPECTED, found),
      [],
      'node --import ./tools/ts.mjs tests/backends/c/project.test.ts',
    );
  });

  suite(`state on ${engine}`, () => {
    if (skipUnless(engine, `C state, ${engine}`)) return;
    const machine = new Machine(counter());
    assert.equal(
      runOn(counter(), engine, RUNS).map((outputs) => outputs.map((bytes) => Uint8Array.from(bytes))),
      RUNS.map((inputs) => machine.run(inputs)),
    );
  });
}

suite.run();
