import { suite as makeSuite } from 'uvu';
import { removeIdentity } from '../../../compiler/passes/exact/remove-identity.ts';
import { expectExact, expectRefusal, expectRewrite } from '../support.ts';

const suite = makeSuite('exact/remove-identity');

/** Nodes that leave an f32[1,2,1,3] as it is. */
const UNMOVED = [
  'transpose(%x) {"permutation":[0,1,2,3]}',
  'transpose(%x) {"permutation":[2,1,0,3]}',
  'slice(%x) {"start":[0,0,0,0],"stride":[-1,1,2,1],"size":[1,2,1,3]}',
  'concat(%x) {"axis":1}',
  'broadcast_to(%x) {"shape":[1,2,1,3]}',
  'tile(%x) {"multiples":[1,1,1,1]}',
  'pad(%x) {"before":[0,0,0,0],"after":[0,0,0,0]}',
  'mirror_pad(%x) {"before":[0,0,0,0],"after":[0,0,0,0],"mode":"reflect"}',
  'depth_to_space(%x) {"block":1}',
  'space_to_depth(%x) {"block":1}',
  'batch_to_space(%x) {"block":[1,1],"margins":[[0,0],[0,0]]}',
  'space_to_batch(%x) {"block":[1],"margins":[[0,0]]}',
  'cast(%x)',
];

for (const node of UNMOVED) {
  suite(`drops ${node}`, () => {
    expectRewrite(
      removeIdentity,
      `graph g {
        input %x : f32[1,2,1,3]
        %a : f32[1,2,1,3] = ${node}
        %y : f32[6] = reshape(%a) {"shape":[6]}
        output %y
      }`,
      `graph g {
        input %x : f32[1,2,1,3]
        %y : f32[6] = reshape(%x) {"shape":[6]}
        output %y
      }`,
    );
  });
}

suite('drops a change of scale to the same scale', () => {
  expectRewrite(
    removeIdentity,
    `graph g {
      input %x : i8[2] affine(0.3, -5)
      %a : i8[2] affine(0.3, -5) = requantize(%x)
      %y : f32[2] = dequantize(%a)
      output %y
    }`,
    'graph g { input %x : i8[2] affine(0.3, -5) %y : f32[2] = dequantize(%x) output %y }',
  );
});

suite('keeps a change of scale', () => {
  const text = `graph g {
    input %x : i8[2] affine(0.3, -5)
    %a : i8[2] affine(0.3, -4) = requantize(%x)
    %y : f32[2] = dequantize(%a)
    output %y
  }`;
  const reason = 'i8[2] affine(0.3, -5) becomes i8[2] affine(0.3, -4)';
  expectRefusal(removeIdentity, text, 'unmoved', '%a = requantize', reason);
});

suite('reads a state past an identity', () => {
  expectRewrite(
    removeIdentity,
    `graph g {
      input %x : f32[1]
      state %s : f32[1] = [0] next %a
      %a : f32[1] = tile(%x) {"multiples":[1]}
      output %s
    }`,
    'graph g { input %x : f32[1] state %s : f32[1] = [0] next %x output %s }',
  );
});

const REFUSED: readonly (readonly [what: string, graph: string, site: string, reason: string])[] = [
  [
    'a transpose of a square',
    '%a : f32[2,2] = transpose(%x) {"permutation":[1,0]} %y : f32[4] = reshape(%a) {"shape":[4]}',
    '%a = transpose',
    'elements change places',
  ],
  [
    'a reversal',
    '%a : f32[2,2] = slice(%x) {"start":[1,0],"stride":[-1,1],"size":[2,2]} %y : f32[4] = reshape(%a) {"shape":[4]}',
    '%a = slice',
    'elements change places',
  ],
  ['more of it', '%y : f32[4,2] = tile(%x) {"multiples":[2,1]}', '%y = tile', 'f32[2,2] becomes f32[4,2]'],
  ['an output of the graph', '%y : f32[2,2] = tile(%x) {"multiples":[1,1]}', '%y = tile', '%y is an output'],
];

for (const [what, nodes, site, reason] of REFUSED) {
  suite(`keeps ${what}`, () => {
    expectRefusal(removeIdentity, `graph g { input %x : f32[2,2] ${nodes} output %y }`, 'unmoved', site, reason);
  });
}

suite('is exact on random graphs', () =>
  expectExact(removeIdentity, 'tests/passes/exact/remove-identity.test.ts', {
    ops: ['transpose', 'slice', 'tile', 'pad', 'mirror_pad', 'broadcast_to', 'depth_to_space', 'cast', 'requantize'],
    maxExtent: 2,
  }));

suite.run();
