import { suite as makeSuite } from 'uvu';
import { mergeConstants } from '../../../compiler/passes/import/merge-constants.ts';
import { expectRefusal, expectRewrite } from '../support.ts';

const suite = makeSuite('import/merge-constants');

function graph(rest: string): string {
  return `graph g {
    input %x : f32[2]
    const %c : f32[2] dense = [2, 0.5]
    const %d : f32[] dense = [3]
    ${rest}
    output %y
  }`;
}

suite('makes one constant of two that are added', () => {
  expectRewrite(
    mergeConstants,
    graph('%a : f32[2] = add(%d, %x) %y : f32[2] = add(%a, %c) {"activation":"relu"}'),
    graph(`%a : f32[2] = add(%d, %x)
      const %y_constant : f32[2] dense = [5, 3.5]
      %y : f32[2] = add(%x, %y_constant) {"activation":"relu"}`),
  );
});

suite('makes sums of differences and products of quotients by powers of two', () => {
  expectRewrite(
    mergeConstants,
    graph('%y : f32[2] = sub(%x, %c)'),
    graph('const %y_constant : f32[2] dense = [-2, -0.5] %y : f32[2] = add(%x, %y_constant)'),
  );
  expectRewrite(
    mergeConstants,
    graph('%y : f32[2] = div(%x, %c) {"semantics":"onnx"}'),
    graph('const %y_constant : f32[2] dense = [0.5, 2] %y : f32[2] = mul(%x, %y_constant)'),
  );
});

suite('leaves quotients that would be rounded twice', () => {
  const reason = '%d has other values than powers of two';
  expectRefusal(mergeConstants, graph('%y : f32[2] = div(%x, %d)'), 'quotient', '%y = div', reason);
  expectRefusal(mergeConstants, graph('%y : f32[2] = div(%c, %x)'), 'quotient', '%y = div', '%x is not a constant');
});

suite('leaves what is read or clamped in between', () => {
  const read = graph('%a : f32[2] = mul(%x, %d) %y : f32[2] = mul(%a, %c) output %a');
  expectRefusal(mergeConstants, read, 'joint', '%y = mul', '%a is read elsewhere');
  const clamped = graph('%a : f32[2] = mul(%x, %d) {"activation":"relu"} %y : f32[2] = mul(%a, %c)');
  expectRefusal(mergeConstants, clamped, 'joint', '%y = mul', '%a has an activation');
});

suite('leaves sums of products', () => {
  const text = graph('%a : f32[2] = mul(%x, %d) %y : f32[2] = add(%a, %c)');
  expectRefusal(mergeConstants, text, 'joint', '%y = add', '%a is no add with a constant');
});

suite('leaves constants that would make a larger one', () => {
  const text = `graph g {
    input %x : f32[2,2]
    const %c : f32[2] dense = [1, 2]
    const %d : f32[2,1] dense = [3, 4]
    %a : f32[2,2] = add(%x, %c)
    %y : f32[2,2] = add(%a, %d)
    output %y
  }`;
  expectRefusal(mergeConstants, text, 'joint', '%y = add', 'the constant would be larger');
});

suite('leaves products that overflow', () => {
  const text = graph('const %e : f32[] dense = [3e38] %a : f32[2] = mul(%x, %e) %y : f32[2] = mul(%a, %d)');
  expectRefusal(mergeConstants, text, 'joint', '%y = mul', 'the constant would not be finite');
});

suite('leaves integers', () => {
  const text = `graph g {
    input %x : i32[2] const %c : i32[2] dense = [1, 2]
    %y : i32[2] = sub(%x, %c) output %y
  }`;
  expectRefusal(mergeConstants, text, 'difference', '%y = sub', 'it is not of f32');
});

suite.run();
