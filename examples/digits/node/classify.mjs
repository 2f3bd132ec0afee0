// Reads digits with the network compiled to WebAssembly:
//
//   npx mcc build examples/digits/digits.tflite --target wasm -o examples/digits/build/wasm/
//   node examples/digits/node/classify.mjs [--raw] [FILE…]
//
// A FILE holds 28x28 pixels, one int8 each, from -128 (paper) to 127 (ink); without one, all of ../samples are read.
// With --raw the output's ten bytes follow the answer, in hexadecimal.

import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const SIDE = 28;
const BAR = 30;

const builtPackage = new URL('../build/wasm/index.js', import.meta.url);
const samples = fileURLToPath(new URL('../samples/', import.meta.url));

function fail(message) {
  console.error(`classify: ${message}`);
  exit(1);
}

async function loadNetwork() {
  try {
    const { load } = await import(builtPackage);
    return await load();
  } catch (error) {
    return fail(
      `${fileURLToPath(builtPackage)} could not be loaded (${error.message}); build it from the repository's root with\n` +
        '  npx mcc build examples/digits/digits.tflite --target wasm -o examples/digits/build/wasm/',
    );
  }
}

async function readPicture(path) {
  const bytes = await readFile(path).catch((error) => fail(`cannot read ${path}: ${error.message}`));
  if (bytes.length !== SIDE * SIDE) {
    fail(`${path}: expected ${SIDE * SIDE} bytes (28x28 pixels, int8), found ${bytes.length}`);
  }
  return new Int8Array(bytes);
}

// The output's unit is 1/256, and -128 stands for 0.
function bars(output) {
  return Array.from(output, (value, digit) => {
    const probability = (value + 128) / 256;
    const bar = '█'.repeat(Math.round(probability * BAR)).padEnd(BAR, '·');
    return `  ${digit} ${bar} ${(100 * probability).toFixed(1).padStart(5)} %`;
  }).join('\n');
}

const raw = argv.includes('--raw');
const named = argv.slice(2).filter((argument) => argument !== '--raw');
const sampleNames = (await readdir(samples)).filter((name) => /^in_\d+\.bin$/.test(name)).sort();
const paths = named.length > 0 ? named : sampleNames.map((name) => samples + name);

const network = await loadNetwork();
for (const path of paths) {
  const { digit } = network.run({ image: await readPicture(path) });
  const answer = digit.indexOf(Math.max(...digit));
  console.log(`${basename(path)}: the answer is ${answer}\n${bars(digit)}`);
  if (raw) console.log(`  raw ${Buffer.from(digit).toString('hex')}`);
}
