import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models on cortex-m3');
goldenTests(test, 'cortex-m3', 3);
test.run();
