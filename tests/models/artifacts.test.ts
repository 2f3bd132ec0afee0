/** What `mcc build` writes, used as a user would: CMake and an emulated board, and packages imported by plain Node. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { build } from '../../compiler/cli/commands/build.ts';
import { crc32 } from '../../compiler/cli/engines/harness-log.ts';
import { runCommand } from '../../compiler/cli/engines/process.ts';
import { canRun, goldens, hasShared } from '../support/golden.ts';
import { SHARED } from '../support/shared-models.ts';
import { skipUnlessCommand } from '../support/toolchains.ts';

const test = suite('artifacts of kws');
const MODEL = join(SHARED, 'models', 'kws.tflite');

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mcc-artifacts-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function checked(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = runCommand({ command, args, cwd, timeoutMs: 180_000 });
  assert.is(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout + stderr;
}

/** The package at `folder` answers all recorded inputs as recorded. */
async function checkPackage(folder: string): Promise<void> {
  const { load } = await import(pathToFileURL(join(folder, 'index.js')).href);
  const model = await load();
  const { inputs, outputs } = goldens('kws', 20);
  inputs.forEach(([input], n) => {
    const found = model.run({ input_1: new Int8Array((input as Uint8Array).buffer) }).Identity;
    assert.equal(new Uint8Array(found.buffer), outputs[n]?.[0], `input ${n}`);
  });
}

if (hasShared('artifacts of kws')) {
  test('firmware: CMake builds it, the emulated board prints the CRC of the recorded output', () =>
    inFolder(async (folder) => {
      if (!canRun('cortex-m4', 'firmware of kws') || skipUnlessCommand('cmake', 'firmware of kws')) return;
      const project = join(folder, 'firmware');
      await build(MODEL, { target: 'cortex-m4', output: project });
      const toolchain = '-DCMAKE_TOOLCHAIN_FILE=cmake/cortex-m4.cmake';
      checked('cmake', ['-S', '.', '-B', 'build', toolchain], project);
      const log = checked('cmake', ['--build', 'build', '--target', 'run'], project);
      // Without input files the harness fills the input with the generator that made recorded input 0.
      const crc = crc32(readFileSync(join(SHARED, 'golden', 'kws', 'out_00.bin')))
        .toString(16)
        .padStart(8, '0');
      assert.match(log, `run 0 output 0 bytes 12 crc ${crc}`);
    }));

  test('package: Node imports it and gets the recorded outputs', () =>
    inFolder(async (folder) => {
      await build(MODEL, { target: 'wasm', output: join(folder, 'pkg') });
      await checkPackage(join(folder, 'pkg'));
    }));

  test('package --via emcc: the same outputs from the module that Emscripten made', () =>
    inFolder(async (folder) => {
      if (!canRun('emcc', 'package of kws via emcc')) return;
      await build(MODEL, { target: 'wasm', via: 'emcc', output: join(folder, 'pkg') });
      await checkPackage(join(folder, 'pkg'));
    }));
}

test.run();
