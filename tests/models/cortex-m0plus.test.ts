import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models on cortex-m0plus');
goldenTests(test, 'cortex-m0plus', 3);
test.run();
