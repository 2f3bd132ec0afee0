import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models on emcc');
goldenTests(test, 'emcc', 20);
test.run();
