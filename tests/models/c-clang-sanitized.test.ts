import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models compiled by clang with sanitizers');
goldenTests(test, 'c', 20, {
  native: { cc: 'clang', optimize: '-O2', sanitize: true },
  label: 'clang -O2 with UBSan and ASan',
});
test.run();
