/**
 * Damaged and changed files end in code or in an error for the user: no other error, at most 10 s of processor time and
 * 1 GB each. `MCC_FUZZ` sets the number of mutants, `MCC_FUZZ_SEED` the first seed.
 */
import { suite } from 'uvu';
import { skipUnlessSuite } from '../support/onnx-suite.ts';
import { tryMutants } from './run-mutants.ts';

const COUNT = Number(process.env.MCC_FUZZ ?? 10000);
const FIRST = Number(process.env.MCC_FUZZ_SEED ?? 0);

const test = suite('damaged and changed .onnx files');

test(`${COUNT} mutants from seed ${FIRST}`, async () => {
  if (skipUnlessSuite('damaged .onnx files')) return;
  await tryMutants('onnx', FIRST, COUNT);
});

test.run();
