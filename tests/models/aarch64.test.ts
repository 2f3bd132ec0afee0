import { suite } from 'uvu';
import { goldenTests } from '../support/golden.ts';

const test = suite('models on aarch64');
goldenTests(test, 'aarch64', 3);
// The same C where the compiler may use the dot products of signed bytes.
const native = { flags: ['-march=armv8.2-a+dotprod'] };
goldenTests(test, 'aarch64', 1, { native, label: 'aarch64 with dot products', floats: false });
test.run();
