/** The public functions of a model whose arena is divided among memories. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitC } from '../../../backends/c/index.ts';
import { projectFiles } from '../../../compiler/cli/emit.ts';
import { compileProject, runExecutable } from '../../../compiler/cli/engines/native.ts';
import { writeFiles } from '../../../compiler/cli/output.ts';
import { lowerWithin } from '../../../compiler/lower/fit.ts';
import { TARGETS } from '../../../compiler/targets/index.ts';
import { Machine } from '../../../ir/loop/evaluate.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import { skipUnless } from '../../support/toolchains.ts';

const suite = makeSuite('backends/c: arenas');

const graph = parseGraph(`graph g {
  input %a : i32[8]
  state %s : i32[8] = [1, 2, 3, 4, 5, 6, 7, 8] next %n
  %n : i32[8] = add(%a, %s) {"activation":"none"}
  %b : i32[8] = abs(%n)
  %c : i32[16] = concat(%b, %a) {"axis":0}
  %y : i32[16] = abs(%c)
  output %y
}`);
const regions = [
  { name: 'tcm', bytes: 64, weight: 1 },
  { name: 'Sram', bytes: 4096, weight: 2 },
  { name: 'spare', bytes: 4096, weight: 9 },
];
const { program } = lowerWithin(graph, TARGETS.c, { regions });

function file(name: string): string {
  const { files } = emitC(program, { prefix: 'p', banner: [] });
  return files.find((one) => one.name === name)?.text ?? '';
}

suite('a pointer and a size for each memory; the state lies in the first', () => {
  const header = file('p.h');
  assert.match(
    header,
    'int p_run(const int32_t *a, int32_t *y, void *arena_tcm, void *arena_Sram, void *arena_spare);',
  );
  assert.match(header, 'void p_reset(void *arena_tcm);');
  assert.match(
    header,
    /#define P_ARENA_TCM_BYTES (32|64)\n#define P_ARENA_SRAM_BYTES [1-9]\d*\n#define P_ARENA_SPARE_BYTES 0\n/,
  );
  assert.match(header, /arena_tcm holds P_ARENA_TCM_BYTES bytes in tcm\. Its first 32 are the state/);
  assert.match(header, 'Nothing lies in arena_spare: pass NULL.');
  assert.match(header, 'p_run(a, y, arena_tcm, arena_Sram, NULL);');
  assert.not.match(header, 'P_ARENA_BYTES');
});

suite('every address counts from its own memory', () => {
  const source = file('p.c');
  assert.match(source, 'uint8_t *const memory_tcm = (uint8_t *)arena_tcm;');
  assert.match(source, '(void)arena_spare;');
  const ends = program.regions?.map(({ bytes }) => bytes) as number[];
  const offsets = [...source.matchAll(/memory_(tcm|Sram)(?: \+ (\d+))?/g)];
  assert.ok(offsets.length > 4);
  for (const [text, name, offset = '0'] of offsets) {
    assert.ok(Number(offset) < (ends[name === 'tcm' ? 0 : 1] as number), text);
  }
});

suite('the project for the host computes what the interpreter does, with its state', () => {
  if (skipUnless('c', 'a project with two memories')) return;
  const folder = mkdtempSync(join(tmpdir(), 'mcc-arenas-'));
  try {
    writeFiles(folder, projectFiles(program, { prefix: 'p', target: 'c', banner: [] }));
    const executable = compileProject(folder, 'c', { outDir: join(folder, 'out') });
    const inputs = [1, -5, 9].map((x) => [new Uint8Array(Int32Array.from({ length: 8 }, (_, i) => x * i).buffer)]);
    const machine = new Machine(program);
    const expected = inputs.map((run) => machine.run(run));
    assert.equal(runExecutable(executable, inputs, { keepState: true }).outputs, expected);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

suite.run();
