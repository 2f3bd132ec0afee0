import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models on wasm');
goldenTests(test, 'wasm', 20);
test.run();
