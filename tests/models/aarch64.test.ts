import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models on aarch64');
goldenTests(test, 'aarch64', 3);
test.run();
