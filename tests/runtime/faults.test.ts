// Programs that go wrong must end with a message, on every engine; none may hang or answer.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  compileProject,
  compileProjectAsync,
  type NativeEngine,
  nativeEngines,
  runExecutable,
  runExecutableAsync,
} from '../../compiler/cli/engines/native.ts';
import { engineTable } from '../../compiler/cli/engines/toolchains.ts';
import { skipUnless } from '../support/toolchains.ts';
import { floats, messageOf, oneFile, withProject } from './projects.ts';

const test = suite('faults');
const input = [[floats(0, 0, 0, 0)]];
const boards = nativeEngines.filter((engine) => engineTable[engine].runner === 'qemu-system');

/** An address with nothing behind it; on most boards 0x70000000 is one. */
const unmapped: Readonly<Partial<Record<NativeEngine, string>>> = {
  'cortex-m55': '0x50ff0000u',
  rv32imc: '0x04000000u',
};

async function failureOf(engine: NativeEngine, model: Parameters<typeof oneFile>[0]): Promise<string> {
  return withProject(oneFile(model), async (project, outDir) => {
    const executable = await compileProjectAsync(project, engine, { outDir });
    return messageOf(() => runExecutableAsync(executable, input, { timeoutMs: 20_000 }));
  });
}

for (const engine of nativeEngines) {
  test(`${engine}: a crash is an error`, async () => {
    if (skipUnless(engine, `crash on ${engine}`)) return;
    const message = await failureOf(engine, { body: '__builtin_trap(); return 0;' });
    assert.match(message, `engine ${engine}: `);
    assert.match(message, /failed \((exit status|signal)/);
  });

  test(`${engine}: an error of the run function is reported`, async () => {
    if (skipUnless(engine, `run error on ${engine}`)) return;
    const message = await failureOf(engine, { body: 'return 7;' });
    assert.match(message, /exit status 1.*\nmcc: hand-made: the model's run function reported an error in run 0/);
  });
}

for (const engine of boards) {
  test(`${engine}: an undefined instruction names its address`, async () => {
    if (skipUnless(engine, `fault report on ${engine}`)) return;
    const message = await failureOf(engine, { body: '__builtin_trap(); return 0;' });
    assert.match(message, /exit status 1.*\nmcc: fault: .* at pc 0x[0-9a-f]{8}/);
  });

  test(`${engine}: a stack overflow is caught`, async () => {
    if (skipUnless(engine, `stack overflow on ${engine}`)) return;
    const message = await failureOf(engine, {
      before: `static int deeper(volatile int *below) {
  volatile int here[64];
  here[0] = *below + 1;
  return here[0] < 100000 ? deeper(here) + here[0] : 0;
}`,
      body: 'volatile int zero = 0; return deeper(&zero);',
    });
    assert.match(message, /mcc: fault: .*stack overflow/);
  });

  test(`${engine}: a write to no memory is caught`, async () => {
    if (skipUnless(engine, `bad write on ${engine}`)) return;
    const message = await failureOf(engine, {
      body: `*(volatile uint32_t *)${unmapped[engine] ?? '0x70000000u'} = 1; return 0;`,
    });
    assert.match(message, /mcc: fault: /);
  });
}

test('cortex-m0plus: an unaligned access faults, as on that core', async () => {
  if (skipUnless('cortex-m0plus', 'unaligned access on cortex-m0plus')) return;
  // Through a volatile pointer, or the compiler knows better than to load a word from there.
  const body = 'uint8_t *volatile odd = arena + 1; return (int)(*(volatile uint32_t *)(void *)odd & 0u);';
  assert.match(await failureOf('cortex-m0plus', { body }), /mcc: fault: /);
});

test('an endless loop is stopped, blocking or not', async () => {
  const model = oneFile({ body: 'for (volatile int i = 0;; i = 1) {}' });
  for (const engine of ['c', 'cortex-m3'] as const) {
    if (skipUnless(engine, `endless loop on ${engine}`)) continue;
    await withProject(model, async (project, outDir) => {
      const executable = compileProject(project, engine, { outDir });
      const blocking = await messageOf(() => runExecutable(executable, input, { timeoutMs: 500 }));
      assert.match(blocking, /did not end in time and was stopped/);
      const asynchronous = await messageOf(() => runExecutableAsync(executable, input, { timeoutMs: 500 }));
      assert.match(asynchronous, /did not end in time and was stopped/);
    });
  }
});

test.run();
