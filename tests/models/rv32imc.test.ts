import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models on rv32imc');
goldenTests(test, 'rv32imc', 3);
test.run();
