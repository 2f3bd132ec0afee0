/** The applications of examples/digits answer as tflite-micro's reference kernels do, byte for byte. */

import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { skipUnless } from '../support/toolchains.ts';
import { buildNetwork, command, DIGITS_FOLDER, type Sample } from './digits-support.ts';

const SAMPLES: readonly Sample[] = JSON.parse(readFileSync(`${DIGITS_FOLDER}samples/samples.json`, 'utf8'));

function referenceBytes({ output }: Sample): string {
  return readFileSync(`${DIGITS_FOLDER}samples/${output}`).toString('hex');
}

/** The most probable digit of an output's ten bytes in hexadecimal. */
function answerOf(bytes: string): number {
  const output = new Int8Array(Buffer.from(bytes, 'hex'));
  return output.indexOf(Math.max(...output));
}

const node = suite('digits: Node script');

node.before(() => buildNetwork('wasm', 'wasm'));

node('reads every sample as the reference kernels do', () => {
  const text = command('node', ['examples/digits/node/classify.mjs', '--raw']);
  const found = [...text.matchAll(/^(\S+): the answer is (\d)$[\s\S]*?^ {2}raw ([0-9a-f]+)$/gm)];
  const expected = SAMPLES.map((sample) => {
    const bytes = referenceBytes(sample);
    return [sample.input, String(answerOf(bytes)), bytes];
  });
  assert.equal(
    found.map((match) => match.slice(1)),
    expected,
  );
});

node('refuses a file of another size, and says what it expected', () => {
  const wrong = () => command('node', ['examples/digits/node/classify.mjs', 'examples/digits/samples/out_00.bin']);
  assert.throws(wrong, /out_00\.bin: expected 784 bytes .*, found 10/);
});

node.run();

const firmware = suite('digits: firmware on an emulated Cortex-M4');

if (!skipUnless('cortex-m4', 'digits: firmware on an emulated Cortex-M4')) {
  firmware.before(() => buildNetwork('cortex-m4', 'firmware/gen'));

  firmware('reads every sample as the reference kernels do', () => {
    const text = command('node', ['examples/digits/firmware/build.mjs', '--run']);
    const found = [...text.matchAll(/^sample (\d+) label (\d) answer (\d) output ([0-9a-f]+)$/gm)];
    const expected = SAMPLES.map((sample, n) => {
      const bytes = referenceBytes(sample);
      return [String(n), String(sample.label), String(answerOf(bytes)), bytes];
    });
    assert.equal(
      found.map((match) => match.slice(1)),
      expected,
    );
  });
}

firmware.run();
