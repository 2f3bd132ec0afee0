import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models compiled by gcc with sanitizers');
goldenTests(test, 'c', 20, {
  native: { cc: 'gcc', optimize: '-O2', sanitize: true },
  label: 'gcc -O2 with UBSan and ASan',
});
test.run();
