import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models on loop');
goldenTests(test, 'loop', 1);
test.run();
