import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models on cortex-m4');
goldenTests(test, 'cortex-m4', 3);
test.run();
