import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models compiled by gcc');
goldenTests(test, 'c', 20, { native: { cc: 'gcc', optimize: '-O2' }, label: 'gcc -O2' });
test.run();
