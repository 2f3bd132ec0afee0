import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models on cortex-m55');
goldenTests(test, 'cortex-m55', 3);
test.run();
