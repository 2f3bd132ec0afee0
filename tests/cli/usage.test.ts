/** What the command line answers to wrong use: exit code 2 for usage, 1 for failure, a message that helps, nothing written. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { mcc, mccProcess, npy, pairModel, temporaryFolder, writePair } from './support.ts';

const suite = makeSuite('wrong use');
const folder = temporaryFolder();
writePair(folder);
copyFileSync(new URL('../networks/dscnn-int8.tflite', import.meta.url), join(folder, 'conv.tflite'));
const model = pairModel();
writeFileSync(join(folder, 'empty.tflite'), '');
writeFileSync(join(folder, 'text.tflite'), 'this is no model');
writeFileSync(join(folder, 'short.tflite'), model.subarray(0, model.length / 2));
mkdirSync(join(folder, 'folder.tflite'));
mkdirSync(join(folder, 'blocked/out_1.bin'), { recursive: true });
writeFileSync(join(folder, 'long.bin'), new Uint8Array(5));
const four = Uint8Array.of(1, 2, 3, 4);
writeFileSync(join(folder, 'dtype.npy'), npy('<f4', [1, 4], new Uint8Array(16)));
writeFileSync(join(folder, 'shape.npy'), npy('|i1', [4, 1], four));
writeFileSync(join(folder, 'fortran.npy'), npy('|i1', [1, 4], four, true));
writeFileSync(join(folder, 'truncated.npy'), npy('|i1', [1, 4], four).subarray(0, -1));
writeFileSync(join(folder, 'header.npy'), npy('|i1', [1, 4], four).subarray(0, 40));
writeFileSync(join(folder, 'other.npy'), 'no array');

const RUN = ['run', 'pair.tflite', '-o', 'out'];

/** Arguments, exit code, what the message must say. */
const CASES: readonly (readonly [readonly string[], 1 | 2, RegExp])[] = [
  [[], 2, /Usage: mcc/],
  [['frobnicate'], 2, /unknown command 'frobnicate'/],
  [['build'], 2, /missing required argument 'model'|required option/],
  [['build', 'pair.tflite', '-o', 'out'], 2, /--target/],
  [['build', 'pair.tflite', '-t', 'c'], 2, /--output/],
  [['build', 'pair.tflite', '-t', 'z80', '-o', 'out'], 2, /--target z80.*cortex-m4/],
  [['build', 'pair.tflite', '-t', 'c', '-o', 'out', '--batch', '0'], 2, /--batch.*positive integer.*"0"/],
  [['build', 'pair.tflite', '-t', 'c', '-o', 'out', '--batch', 'x'], 2, /--batch.*positive integer.*"x"/],
  [['build', 'pair.tflite', '-t', 'c', '-o', 'out', '--via', 'emcc'], 2, /--via.*--target wasm/],
  [['build', 'pair.tflite', '-t', 'c', '-o', 'out', '--tiers', 'simd'], 2, /--tiers simd: only for --target wasm/],
  [
    ['build', 'pair.tflite', '-t', 'wasm', '-o', 'out', '--tiers', 'fast'],
    2,
    /no tier "fast"; expected a list of relaxed/,
  ],
  [['build', 'pair.tflite', 'more', '-t', 'c', '-o', 'out'], 2, /too many arguments/],
  [['build', 'pair.tflite', '-t', 'c', '-o', 'out', '--ram', '24q'], 2, /--ram 24q: expected bytes, as in .*24k/],
  [['build', 'pair.tflite', '-t', 'c', '-o', 'out', '--flash', '0'], 2, /--flash 0: expected bytes/],
  [['build', 'conv.tflite', '-t', 'c', '-o', 'out', '--ram', '100'], 1, /the arena needs .* expected at most 100/],
  [['build', 'conv.tflite', '-t', 'c', '-o', 'out', '--flash', '8'], 1, /bytes of flash, expected at most 8/],
  [['build', 'pair.tflite', '-t', 'c', '-o', 'out', '--region', 'dtcm'], 2, /--region dtcm: expected name=size/],
  [
    ['build', 'pair.tflite', '-t', 'c', '-o', 'out', '--region', 'a=1k', '--region', 'A=2k'],
    2,
    /--region a: given twice/,
  ],
  [
    ['build', 'pair.tflite', '-t', 'wasm', '-o', 'out', '--region', 'a=1k'],
    2,
    /--region a=1k: WebAssembly has one memory/,
  ],
  [['build', 'conv.tflite', '-t', 'c', '-o', 'out', '--region', 'a=64', '--region', 'b=64'], 1, /expected at most 128/],
  [['inspect', 'conv.tflite', '--ram', '100'], 1, /the arena needs .* expected at most 100/],
  [['inspect', 'pair.tflite', '--ir', 'other'], 2, /--ir other: expected tensor or loop/],
  [['inspect', 'pair.tflite', '--ir', 'loop', '--json'], 2, /--json/],
  [['verify', 'pair.tflite', '--engines', 'loop,toaster'], 2, /--engines toaster.*rv32imc/],
  [['verify', 'pair.tflite', '--inputs', '-1'], 2, /--inputs.*"-1"/],
  [['verify', 'pair.tflite', '--tolerance', 'some'], 2, /--tolerance.*"some"/],
  [['verify', 'pair.tflite', '--golden', 'a.bin'], 1, /a\.bin: expected a folder/],
  [['verify', 'pair.tflite', '--golden', 'none'], 1, /none: expected a folder; it does not exist/],
  [['verify', 'pair.tflite', '--golden', 'blocked'], 1, /blocked: expected files in_00\.bin/],
  [['build', 'none.tflite', '-t', 'c', '-o', 'out'], 1, /none\.tflite: it does not exist/],
  [['build', 'folder.tflite', '-t', 'c', '-o', 'out'], 1, /folder\.tflite: it is a folder/],
  [['build', 'empty.tflite', '-t', 'c', '-o', 'out'], 1, /an empty file/],
  [['build', 'text.tflite', '-t', 'c', '-o', 'out'], 1, /TensorFlow Lite.*other content/s],
  [['build', 'short.tflite', '-t', 'c', '-o', 'out'], 1, /short\.tflite/],
  [['build', 'pair.tflite', '-t', 'c', '-o', 'a.bin'], 1, /cannot write to a\.bin: it is a file/],
  [['build', 'pair.tflite', '-t', 'c', '-o', 'a.bin/out'], 1, /cannot write .*a\.bin\/out.*not a folder/],
  [
    ['run', 'pair.tflite', '-o', 'blocked', '-i', 'a.bin', '-i', 'b.bin'],
    1,
    /out_1\.bin: expected a file, found a folder/,
  ],
  [[...RUN, '-e', 'toaster', '-i', 'a.bin', '-i', 'b.bin'], 2, /--engine toaster.*reference/],
  [[...RUN, '-e', 'loop', '--layers', '-i', 'a.bin', '-i', 'b.bin'], 2, /--layers/],
  [[...RUN], 2, /"a" \(i8\[1,4\].*found 0/],
  [[...RUN, '-i', 'a.bin'], 2, /found 1/],
  [[...RUN, '-i', 'a=a.bin', '-i', 'a=b.bin'], 2, /a=.*given twice/],
  [[...RUN, '-i', 'a=a.bin', '-i', 'c=b.bin'], 2, /no input "c"; it has "a"/],
  [[...RUN, '-i', 'a.bin', '-i', 'none.bin'], 1, /none\.bin: it does not exist/],
  [[...RUN, '-i', 'a.bin', '-i', 'long.bin'], 1, /"b": expected 4 bytes.*found 5/],
  [[...RUN, '-i', 'a.bin', '-i', 'dtype.npy'], 1, /expected dtype \|i1.*found <f4/],
  [[...RUN, '-i', 'a.bin', '-i', 'shape.npy'], 1, /expected shape \[1,4\].*found \[4,1\]/],
  [[...RUN, '-i', 'a.bin', '-i', 'fortran.npy'], 1, /C order.*ascontiguousarray/],
  [[...RUN, '-i', 'a.bin', '-i', 'truncated.npy'], 1, /4 bytes of data.*found 3/],
  [[...RUN, '-i', 'a.bin', '-i', 'header.npy'], 1, /header\.npy: expected a header/],
  [[...RUN, '-i', 'a.bin', '-i', 'other.npy'], 1, /other\.npy: expected a \.npy file/],
];

for (const [args, code, says] of CASES) {
  suite(`mcc ${args.join(' ')}`, async () => {
    const before = readdirSync(folder, { recursive: true }).sort();
    const found = await mcc(folder, ...args);
    assert.is(found.code, code, found.stderr);
    assert.match(found.stderr, says);
    assert.not.match(found.stderr, /fault of mcc itself|\n {4}at /);
    assert.equal(readdirSync(folder, { recursive: true }).sort(), before, 'nothing is written');
  });
}

for (const [args, says] of [
  [['--help'], /Usage: mcc/],
  [['help', 'build'], /Usage: mcc build/],
  [['--version'], /^\d+\.\d+\.\d+\n$/],
] as const) {
  suite(`mcc ${args.join(' ')} answers on standard output`, async () => {
    const found = await mcc(folder, ...args);
    assert.is(found.code, 0);
    assert.match(found.stdout, says);
  });
}

suite('the process ends with the code', () => {
  assert.is(mccProcess(folder, 'build').code, 2);
  assert.is(mccProcess(folder, 'inspect', 'none.tflite').code, 1);
  assert.is(mccProcess(folder, '--version').code, 0);
});

suite('the tests leave no output behind', () => assert.is(existsSync(join(folder, 'out')), false));

suite.run();
