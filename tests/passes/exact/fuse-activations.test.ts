import { suite as makeSuite } from 'uvu';
import { fuseActivations } from '../../../compiler/passes/exact/fuse-activations.ts';
import type { Graph } from '../../../ir/tensor/graph.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import type { Random } from '../../support/random.ts';
import { expectExactOn, expectRefusal, expectRewrite } from '../support.ts';

const FILE = 'tests/passes/exact/fuse-activations.test.ts';
const suite = makeSuite('exact/fuse-activations');

function relu(op: string, from: string, to: string, rest = ''): string {
  return `graph g {
    input %x : i8[1,2] affine(0.5, 3)
    const %w : i8[2,2] affine(0.25, 0) dense = [1, 2, 3, -4]
    %a : i8[1,2] ${from} = fully_connected(%x, %w)
    %y : i8[1,2] ${to} = ${op}(%a)
    ${rest}
    output %y
  }`;
}

suite('is the clamp of the layer before it', () => {
  expectRewrite(
    fuseActivations,
    relu('relu', 'affine(0.5, -5)', 'affine(0.5, -5)'),
    `graph g {
      input %x : i8[1,2] affine(0.5, 3)
      const %w : i8[2,2] affine(0.25, 0) dense = [1, 2, 3, -4]
      %y : i8[1,2] affine(0.5, -5) = fully_connected(%x, %w) {"activation":"relu"}
      output %y
    }`,
  );
});

suite('leaves a change of scale', () => {
  const text = relu('relu', 'affine(0.5, -5)', 'affine(0.25, -5)');
  expectRefusal(fuseActivations, text, 'fuse', '%y = relu', 'the type changes');
});

suite('leaves what others read', () => {
  const text = relu('relu', 'affine(0.5, -5)', 'affine(0.5, -5)', 'output %a');
  expectRefusal(fuseActivations, text, 'fuse', '%y = relu', '%a is read elsewhere');
});

suite('leaves a second activation', () => {
  const text = relu('relu6', 'affine(0.5, -5)', 'affine(0.5, -5)').replace(
    '(%x, %w)',
    '(%x, %w) {"activation":"relu"}',
  );
  expectRefusal(fuseActivations, text, 'fuse', '%y = relu6', '%a has an activation already');
});

suite('leaves what ends in no clamp', () => {
  const text = `graph g { input %x : f32[2] %a : f32[2] = tanh(%x) %y : f32[2] = relu(%a) output %y }`;
  expectRefusal(fuseActivations, text, 'fuse', '%y = relu', '%a does not end in a clamp');
});

function randomLayer(r: Random): Graph {
  const isFloat = r.chance(0.2);
  const dtype = isFloat ? 'f32' : r.pick(['i8', 'i8', 'i16']);
  const quant = () =>
    isFloat ? '' : ` affine(${r.pick([0.01, 0.05, 0.5])}, ${dtype === 'i16' ? 0 : r.pick([-128, -5, 0, 100])})`;
  const [x, a] = [quant(), quant()];
  const y = r.chance(0.8) ? a : quant();
  const op = r.pick(['add', 'sub', 'mul', 'average_pool2d', 'max_pool2d']);
  const isPool = op.endsWith('pool2d');
  const activation = r.chance(0.1) ? 'relu6' : 'none';
  const window = '"window":[2,2],"stride":[1,1],"padding":{"top":1,"bottom":0,"left":0,"right":0},';
  return parseGraph(`graph g {
    input %x : ${dtype}[1,3,2,2]${x}
    input %z : ${dtype}[1,3,2,2]${quant()}
    %a : ${dtype}[1,3,${isPool ? '1,2' : '2,2'}]${isPool ? x : a} = ${op}(%x${isPool ? '' : ', %z'}) {${isPool ? window : ''}"activation":"${activation}"}
    %y : ${dtype}[1,3,${isPool ? '1,2' : '2,2'}]${isPool ? x : y} = ${dtype === 'i16' ? 'relu' : r.pick(['relu', 'relu6', 'relu_n1_to_1'])}(%a)
    output %y
  }`);
}

suite('is exact on random layers before random clamps', () => expectExactOn(fuseActivations, FILE, randomLayer));

suite.run();
