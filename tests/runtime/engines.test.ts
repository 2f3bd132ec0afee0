// A hand-made model on every native engine: outputs as computed here, with and without state.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  compileProject,
  compileProjectAsync,
  nativeEngines,
  runExecutable,
  runExecutableAsync,
} from '../../compiler/cli/engines/native.ts';
import { engineTable } from '../../compiler/cli/engines/toolchains.ts';
import { skipUnless } from '../support/toolchains.ts';
import { floats, oneFile, strictFlags, toFloats, withProject } from './projects.ts';

const test = suite('native engines');

const inputs = [
  [1, 2, 3, 4, 5, 6, 7, 127],
  [-1, -128, 0, 100, 50, 25, 12, -6],
];
const runs = inputs.map((values) => [new Uint8Array(new Int8Array(values).buffer)]);

/** The tiny model of tests/runtime/fixture: y = x + 1 wrapping at 8 bits, total = sum of x since the last reset. */
function expectedOutputs(keepState: boolean): number[][] {
  let total = 0;
  return inputs.flatMap((values) => {
    total = (keepState ? total : 0) + values.reduce((a, b) => a + b, 0);
    return [[...new Int8Array(values.map((x) => x + 1))], [total]];
  });
}

function decode(outputs: readonly (readonly Uint8Array[])[]): number[][] {
  return outputs.flatMap(([y, total]) => [[...new Int8Array(y)], [...new Int32Array(total.slice().buffer)]]);
}

for (const engine of nativeEngines) {
  test(`${engine}: two runs, state reset or kept`, () =>
    withProject('tiny', async (project, outDir) => {
      if (skipUnless(engine, `tiny model on ${engine}`)) return;
      const executable = await compileProjectAsync(project, engine, { outDir, flags: strictFlags });
      const fresh = await runExecutableAsync(executable, runs);
      assert.equal(decode(fresh.outputs), expectedOutputs(false));
      const kept = runExecutable(executable, runs, { keepState: true });
      assert.equal(decode(kept.outputs), expectedOutputs(true));
    }));

  test(`${engine}: math.h`, () =>
    withProject(
      oneFile({
        before: '#include <math.h>',
        body: 'out0[0] = expf(in0[0]); out0[1] = tanhf(in0[1]); out0[2] = logf(in0[2]); out0[3] = sqrtf(in0[3]); return 0;',
      }),
      (project, outDir) => {
        if (skipUnless(engine, `math.h on ${engine}`)) return;
        const executable = compileProject(project, engine, { outDir, flags: strictFlags });
        const [[y]] = runExecutable(executable, [[floats(1.5, -0.75, 10, 2)]]).outputs;
        const expected = [Math.exp(1.5), Math.tanh(-0.75), Math.log(10), Math.sqrt(2)];
        toFloats(y).forEach((value, i) => {
          assert.ok(Math.abs(value - expected[i]) < 1e-6, `element ${i}: expected ${expected[i]}, found ${value}`);
        });
      },
    ));

  // 3 MB of constants, 12 MB of arena, a loop that the compiler may vectorise, and a variable with an initial value.
  test(`${engine}: a large model`, () =>
    withProject(
      oneFile({
        before: `#define N 3000000
static const uint8_t table[N] = {1, 2, 3, [N / 2] = 4, [N - 1] = 90};
static volatile uint32_t initialised = 1000;`,
        arenaBytes: 12_000_000,
        body: `uint32_t sum = initialised;
  memset(arena, 3, sizeof arena);
  for (int32_t i = 0; i < N; i += 1) { sum += table[i]; sum += arena[4 * i]; }
  memcpy(out0, &sum, sizeof sum);
  out0[1] = in0[0] * in0[1]; out0[2] = 0.0f; out0[3] = 0.0f;
  return 0;`,
      }),
      async (project, outDir) => {
        if (skipUnless(engine, `large model on ${engine}`)) return;
        const executable = await compileProjectAsync(project, engine, { outDir, optimize: '-O3' });
        const [[y]] = (await runExecutableAsync(executable, [[floats(1.5, -2.5, 0, 0)]])).outputs;
        assert.is(new DataView(y.buffer).getUint32(0, true), 1000 + 1 + 2 + 3 + 4 + 90 + 3 * 3_000_000);
        assert.is(toFloats(y)[1], -3.75);
      },
    ));
}

for (const [name, cc] of [
  ['gcc', 'gcc'],
  ['clang', 'clang'],
] as const) {
  test(`c with ${name} and sanitizers: correct code passes, a wrong access is named`, async () => {
    if (skipUnless('c', `sanitizers with ${name}`, cc)) return;
    await withProject('tiny', (project, outDir) => {
      const executable = compileProject(project, 'c', { outDir, cc, sanitize: true, flags: strictFlags });
      assert.equal(decode(runExecutable(executable, runs).outputs), expectedOutputs(false));
    });
    const wrong = oneFile({ body: 'volatile int at = 4; out0[at] = 1.0f; return 0;' });
    await withProject(wrong, (project, outDir) => {
      const executable = compileProject(project, 'c', { outDir, cc, sanitize: true });
      assert.throws(() => runExecutable(executable, [[floats(0, 0, 0, 0)]]), /out of bounds|overflow/);
    });
  });
}

test('the table of engines is plain data', () => {
  assert.equal(JSON.parse(JSON.stringify(engineTable)), engineTable);
  assert.equal(Object.keys(engineTable).sort(), [...nativeEngines].sort());
});

test.run();
