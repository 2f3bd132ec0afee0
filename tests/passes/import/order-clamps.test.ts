import { suite as makeSuite } from 'uvu';
import { orderClamps } from '../../../compiler/passes/import/order-clamps.ts';
import { expectRefusal, expectRewrite } from '../support.ts';

const suite = makeSuite('import/order-clamps');

function graph(type: string, clamp: string): string {
  return `graph g { input %x : ${type}[2] const %c : ${type}[] dense = [3] %y : ${type}[2] = ${clamp} output %y }`;
}

suite('puts constants first', () => {
  expectRewrite(orderClamps, graph('f32', 'minimum(%x, %c)'), graph('f32', 'minimum(%c, %x)'));
});

suite('leaves integers, which have one order only', () => {
  expectRefusal(orderClamps, graph('i32', 'maximum(%x, %c)'), 'order', '%y = maximum', 'it is not of f32');
});

suite('leaves constants where they are first, and two variables', () => {
  expectRefusal(orderClamps, graph('f32', 'maximum(%c, %x)'), 'order', '%y = maximum', '%x is not a constant');
  expectRefusal(orderClamps, graph('f32', 'maximum(%x, %x)'), 'order', '%y = maximum', '%x is not a constant');
});

suite('leaves NaN, which would give way', () => {
  const text = graph('f32', 'maximum(%x, %c)').replace('[3]', '[NaN]');
  expectRefusal(orderClamps, text, 'order', '%y = maximum', '%c has NaN');
});

suite.run();
