/** The commands on a small model: what they write and print. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { verify } from '../../compiler/cli/commands/verify.ts';
import { openSession } from '../../compiler/cli/engines/index.ts';
import { parseProgram } from '../../ir/loop/parse.ts';
import { printProgram } from '../../ir/loop/print.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import { printGraph } from '../../ir/tensor/print.ts';
import { mcc, npy, temporaryFolder, writePair } from './support.ts';

const suite = makeSuite('commands');
const folder = temporaryFolder();
writePair(folder);
const SUM = [11, 3, 33, 5];
const LARGER = [9, 0, 27, 0];
const bytes = (path: string) => [...new Int8Array(readFileSync(join(folder, path)))];
const succeed = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await mcc(folder, ...args);
  assert.is(code, 0, stderr);
  return stdout;
};

for (const engine of ['reference', 'loop', 'wasm']) {
  suite(`run on ${engine}: outputs in the model's order`, async () => {
    const printed = await succeed('run', 'pair.tflite', '-e', engine, '-i', 'a.bin', '-i', 'b.bin', '-o', engine);
    assert.equal(readdirSync(join(folder, engine)).sort(), ['out_0.bin', 'out_1.bin']);
    assert.equal(bytes(`${engine}/out_0.bin`), SUM);
    assert.equal(bytes(`${engine}/out_1.bin`), LARGER);
    assert.match(printed, /^out_0\.bin {2}sum .*4 bytes.*\nout_1\.bin {2}larger /);
  });
}

suite('run: inputs by name, in any order, as .npy, from paths with "="', async () => {
  mkdirSync(join(folder, 'x=1'));
  cpSync(join(folder, 'a.bin'), join(folder, 'x=1/a.bin'));
  writeFileSync(join(folder, 'b.npy'), npy('|i1', [1, 4], Uint8Array.of(10, 1, 30, 1)));
  await succeed('run', 'pair.tflite', '-i', 'b=b.npy', '-i', 'x=1/a.bin', '-o', 'named');
  assert.equal(bytes('named/out_0.bin'), SUM);
  assert.equal(bytes('named/out_1.bin'), LARGER);
});

suite('run --layers writes what each operator of the file makes', async () => {
  await succeed('run', 'pair.tflite', '-i', 'a.bin', '-i', 'b.bin', '-o', 'layers', '--layers');
  assert.equal(bytes('layers/op00.bin'), SUM);
  assert.equal(bytes('layers/op01.bin'), [9, -1, 27, -3]);
  assert.equal(bytes('layers/op02.bin'), LARGER);
});

suite('run keeps files of other names in the output folder', async () => {
  mkdirSync(join(folder, 'kept'));
  writeFileSync(join(folder, 'kept/mine.txt'), 'mine');
  writeFileSync(join(folder, 'kept/out_0.bin'), 'old');
  await succeed('run', 'pair.tflite', '-i', 'a.bin', '-i', 'b.bin', '-o', 'kept');
  assert.equal(readdirSync(join(folder, 'kept')).sort(), ['mine.txt', 'out_0.bin', 'out_1.bin']);
  assert.equal(bytes('kept/out_0.bin'), SUM);
});

for (const target of ['cortex-m4', 'wasm']) {
  suite(`build for ${target}: the same bytes twice, and from another folder`, async () => {
    const files = (path: string) =>
      readdirSync(join(folder, path), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
        .map((file) => [file.slice(join(folder, path).length), readFileSync(file, 'base64')]);
    await succeed('build', 'pair.tflite', '-t', target, '-o', `${target}/one`);
    await succeed('build', join(folder, 'pair.tflite'), '-t', target, '-o', `${target}/two`);
    const other = temporaryFolder();
    const elsewhere = join(folder, target, 'three');
    assert.is((await mcc(other, 'build', join(folder, 'pair.tflite'), '-t', target, '-o', elsewhere)).code, 0);
    assert.ok(files(`${target}/one`).length > 1);
    assert.equal(files(`${target}/two`), files(`${target}/one`));
    assert.equal(files(`${target}/three`), files(`${target}/one`));
  });
}

suite('verify: golden files of several inputs and outputs', async () => {
  mkdirSync(join(folder, 'golden'));
  const write = (name: string, values: readonly number[]) =>
    writeFileSync(join(folder, 'golden', name), Int8Array.from(values));
  write('in_00_0.bin', [1, 2, 3, 4]);
  write('in_00_1.bin', [10, 1, 30, 1]);
  write('out_00_0.bin', SUM);
  write('out_00_1.bin', LARGER);
  assert.match(
    await succeed('verify', 'pair.tflite', '--engines', 'loop', '--golden', 'golden'),
    /reference +equal.*\n.*loop +equal/,
  );
  write('out_00_1.bin', [9, 0, 26, 0]);
  const { code, stderr } = await mcc(folder, 'verify', 'pair.tflite', '--engines', 'loop', '--golden', 'golden');
  assert.is(code, 1);
  assert.match(
    stderr,
    /reference differs from the golden files: input 0, output "larger": 1 values differ, first at 2: expected 26, found 27/,
  );
});

suite('verify: seeds make the inputs, other seeds other inputs', async () => {
  const printed = await succeed(
    'verify',
    'pair.tflite',
    '--engines',
    'reference,loop,wasm',
    '--inputs',
    '2',
    '--seed',
    '7',
  );
  assert.match(printed, /2 inputs \(random, seed 7\)/);
  assert.match(printed, /wasm +equal \(16 bytes\)/);
});

suite('verify names the first operator that differs', async () => {
  const options = { engines: 'loop', inputs: '2', seed: '1', tolerance: '0' };
  let message = '';
  await verify(join(folder, 'pair.tflite'), options, async (engine, graph) => {
    const session = await openSession(engine, graph);
    if (engine === 'reference') return session;
    // An engine whose subtraction is one off, and with it what is computed from that.
    const wrong = ['difference', 'larger'].map((name) => graph.outputs.indexOf(name));
    return {
      ...session,
      run: async (runs) =>
        (await session.run(runs)).map((outputs) =>
          outputs.map((output, i) => (wrong.includes(i) ? output.map((byte) => byte ^ 1) : output)),
        ),
    };
  }).catch((error: Error) => {
    message = error.message;
  });
  assert.match(message, /loop differs from reference: input 0, output "larger": 4 values differ/);
  assert.match(message, /first operator that differs: operator 1 SUB "difference" \(sub\), at 0/);
});

suite('inspect --ir prints text that reads back', async () => {
  const tensor = await succeed('inspect', 'pair.tflite', '--ir', 'tensor');
  assert.is(printGraph(parseGraph(tensor)), tensor);
  const loop = await succeed('inspect', 'pair.tflite', '--ir', 'loop');
  assert.is(printProgram(parseProgram(loop)), loop);
});

suite('inspect: figures as text, as a chart and as JSON', async () => {
  const text = await succeed('inspect', 'pair.tflite', '-t', 'cortex-m4', '--memory');
  assert.match(text, /^pair for cortex-m4\n {2}input {3}a {2}i8\[1,4\]/);
  // The activation is part of the subtraction: nothing lies between input and output.
  assert.match(text, /arena +0 bytes of RAM/);
  assert.match(text, /arena of 0 bytes, one row per call/);
  const report = JSON.parse(await succeed('inspect', 'pair.tflite', '-t', 'cortex-m4', '--json'));
  assert.equal(Object.keys(report), [
    'name',
    'target',
    'inputs',
    'outputs',
    'steps',
    'macs',
    'constantBytes',
    'arenaBytes',
    'stateBytes',
    'predictedInstructions',
    'predictedCycles',
  ]);
  assert.is(report.arenaBytes, 0);
  assert.is(report.steps.length, 2);
});

suite('--ram and --region: strips and memories as text and as JSON; build writes what inspect said', async () => {
  cpSync(new URL('../networks/mobilenet_v2-int8.tflite', import.meta.url), join(folder, 'images.tflite'));
  const limits = ['--ram', '3k', '--region', 'fast=1k', '--region', 'slow=64k,weight=2'];
  const { strips, extraMacs, regions, arenaBytes } = JSON.parse(
    await succeed('inspect', 'images.tflite', ...limits, '--json'),
  );
  assert.ok(arenaBytes <= 3 * 1024 + 256, `${arenaBytes}`);
  assert.ok(strips.length > 0 && extraMacs > 0);
  assert.equal(
    regions.map(({ name }: { name: string }) => name),
    ['fast', 'slow'],
  );
  assert.ok(regions[0].bytes <= 1024);
  const text = await succeed('inspect', 'images.tflite', ...limits);
  assert.match(
    text,
    /strips +\d+ layers from .* to .* run \d+ times, for \d+ rows each\n.* MACs are made more than once/,
  );
  assert.match(text, new RegExp(`region +${regions[0].bytes} bytes of it in fast`));
  await succeed('build', 'images.tflite', '-t', 'c', '-o', 'images', ...limits);
  const header = readFileSync(join(folder, 'images/images.h'), 'utf8');
  assert.match(header, `#define IMAGES_ARENA_FAST_BYTES ${regions[0].bytes}\n`);
});

suite('targets, ops and passes list what exists', async () => {
  assert.match(await succeed('targets'), /cortex-m4 .*\n/);
  const ops = await succeed('ops');
  assert.match(ops, /conv2d\(x, w, bias\?\) -> y/);
  assert.match(ops, /operators of \.tflite files.*\n.*DEPTHWISE_CONV_2D/);
  assert.match(await succeed('passes'), /exact\/fold-constants \(exact\)/);
});

suite.run();
