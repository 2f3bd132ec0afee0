import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models compiled by clang');
goldenTests(test, 'c', 20, { native: { cc: 'clang', optimize: '-O2' }, label: 'clang -O2' });
test.run();
