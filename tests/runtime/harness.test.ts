// The harness (runtime/c/main.c) as a program of its own: arguments, files, what it prints.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crc32, readOutputs } from '../../compiler/cli/engines/harness-log.ts';
import { compileProject, type NativeEngine, nativeEngines, runExecutable } from '../../compiler/cli/engines/native.ts';
import { engineTable } from '../../compiler/cli/engines/toolchains.ts';
import { skipUnless } from '../support/toolchains.ts';
import { floats, messageOf, oneFile, strictFlags, withProject } from './projects.ts';

const test = suite('harness');

/** Input n of shared/models/README.md: one linear congruential generator, its top byte each time. */
function seededBytes(n: number, count: number): Uint8Array {
  let x = (12345 + 1000003 * n) >>> 0;
  return Uint8Array.from({ length: count }, () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return x >>> 24;
  });
}

/** The tiny model as a program for this machine, started in an empty folder that `prepare` may fill. */
async function runTiny(args: readonly string[], prepare: (folder: string) => void = () => {}) {
  return withProject('tiny', (project, outDir) => {
    const executable = compileProject(project, 'c', { outDir, flags: strictFlags });
    const folder = join(outDir, 'run');
    mkdirSync(folder);
    prepare(folder);
    const result = spawnSync(executable.program, args, { cwd: folder, encoding: 'utf8' });
    const written = existsSync(join(folder, 'out_0_0.bin'));
    return { status: result.status, stdout: result.stdout, stderr: result.stderr, written };
  });
}

test('crc32 is the one of zlib', () => {
  assert.is(crc32(new TextEncoder().encode('123456789')), 0xcbf43926);
});

test('without input files the seeded inputs of the models folder are used', async () => {
  if (skipUnless('c', 'seeded inputs')) return;
  const outputs = (run: number): string[] => {
    const x = new Int8Array(seededBytes(run, 8).buffer);
    const total = new Int32Array([x.reduce((a, b) => a + b, 0)]);
    const y = new Uint8Array(x.map((value) => value + 1).buffer);
    return [y, new Uint8Array(total.buffer)].map(
      (bytes, k) => `run ${run} output ${k} bytes ${bytes.length} crc ${crc32(bytes).toString(16).padStart(8, '0')}`,
    );
  };
  const expected = [0, 1, 2].flatMap((run) => [`run ${run} input 0 seeded`, ...outputs(run)]);
  const { stdout, status } = await runTiny(['3']);
  assert.is(status, 0);
  assert.equal(stdout.trimEnd().split('\n'), expected);
});

test('one run is the default, and zero runs do nothing', async () => {
  if (skipUnless('c', 'number of runs')) return;
  assert.match((await runTiny([])).stdout, /^run 0 input 0 seeded\nrun 0 output 0 .*\nrun 0 output 1 .*\n$/);
  assert.equal(await runTiny(['0']), { status: 0, stdout: '', stderr: '', written: false });
});

for (const bad of ['x', '1x', '-1', '', '1234567']) {
  test(`the argument "${bad}" is refused`, async () => {
    if (skipUnless('c', 'bad arguments')) return;
    const { status, stderr, written } = await runTiny([bad]);
    assert.is(status, 1);
    assert.is(stderr, `mcc: expected a number of runs (0 to 999999) or --keep-state, found ${bad}\n`);
    assert.not(written);
  });
}

test('an input file that cannot be read is an error, not an absent one', async () => {
  if (skipUnless('c', 'unreadable input')) return;
  const { status, stderr } = await runTiny(['1'], (folder) => mkdirSync(join(folder, 'in_0_0.bin')));
  assert.is(status, 1);
  assert.match(stderr, /^mcc: in_0_0\.bin (cannot be read|has \d+ bytes)/);
});

test('an output that cannot be written is an error', async () => {
  if (skipUnless('c', 'unwritable output')) return;
  const { status, stderr } = await runTiny(['1'], (folder) => mkdirSync(join(folder, 'out_0_0.bin')));
  assert.is(status, 1);
  assert.is(stderr, 'mcc: out_0_0.bin cannot be written\n');
});

const ioEngines: readonly NativeEngine[] = ['c', 'emcc', 'aarch64', 'cortex-m3', 'rv32imc'];
for (const engine of ioEngines) {
  test(`${engine}: an input of the wrong size, or no input, is an error`, async () => {
    if (skipUnless(engine, `wrong input on ${engine}`)) return;
    await withProject('tiny', async (project, outDir) => {
      const executable = compileProject(project, engine, { outDir });
      const long = await messageOf(() => runExecutable(executable, [[new Uint8Array(9)]]));
      assert.match(long, 'mcc: in_0_0.bin has 9 bytes, but input x takes 8');
      const absent = await messageOf(() => runExecutable(executable, [[new Uint8Array(8)], []]));
      assert.match(absent, 'run 1: input 0 was not given');
    });
  });
}

test('what nothing wrote is neither zero nor the previous run', async () => {
  if (skipUnless('c', 'poisoned memory')) return;
  const model = oneFile({
    body: 'if (in0[0] > 0.0f) { memset(out0, 7, 4); arena[3] = 9; } out0[1] = arena[3]; return 0;',
  });
  await withProject(model, (project, outDir) => {
    const executable = compileProject(project, 'c', { outDir });
    const runs = [[floats(1, 0, 0, 0)], [floats(0, 0, 0, 0)]];
    const [, [second]] = runExecutable(executable, runs).outputs;
    assert.equal([...second.slice(0, 4)], [0xa5, 0xa5, 0xa5, 0xa5]);
    assert.is(new Float32Array(second.slice().buffer)[1], 0xa5);
  });
});

test('a file that does not match the printed CRC or size is refused', () =>
  withProject({}, (folder) => {
    writeFileSync(join(folder, 'out_0_0.bin'), '123456789');
    const log = (bytes: number, crc: string) => `run 0 output 0 bytes ${bytes} crc ${crc}\n`;
    assert.is(readOutputs(folder, log(9, 'cbf43926'), 1)[0][0].length, 9);
    assert.throws(() => readOutputs(folder, log(9, 'cbf43927'), 1), /its file has 9 with CRC cbf43926/);
    assert.throws(() => readOutputs(folder, log(8, 'cbf43926'), 1), /printed 8 bytes/);
    assert.throws(() => readOutputs(folder, 'nothing\n', 1), /run 0 of 1 printed no output/);
    assert.throws(() => readOutputs(folder, log(9, 'cbf43926').repeat(2), 1), /unexpected line/);
  }));

test('a program and its objects are the same bytes from another folder', async () => {
  const boards = nativeEngines.filter((engine) => engineTable[engine].runner === 'qemu-system');
  for (const engine of boards) {
    if (skipUnless(engine, `same bytes on ${engine}`)) continue;
    const build = () =>
      withProject('tiny', (project, outDir) => readFileSync(compileProject(project, engine, { outDir }).program));
    assert.ok((await build()).equals(await build()), `${engine}: two builds differ`);
  }
});

test.run();
