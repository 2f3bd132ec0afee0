import { suite as makeSuite } from 'uvu';
import { moveUnitAxes } from '../../../compiler/passes/exact/move-unit-axes.ts';
import type { Graph } from '../../../ir/tensor/graph.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import type { Random } from '../../support/random.ts';
import { expectExactOn, expectRefusal, expectRewrite } from '../support.ts';

const FILE = 'tests/passes/exact/move-unit-axes.test.ts';
const suite = makeSuite('exact/move-unit-axes');

const POOL = '{"window":[1,2],"stride":[1,1],"padding":{"top":0,"bottom":0,"left":0,"right":0}}';

suite('pads the image in the place of the sequence', () => {
  expectRewrite(
    moveUnitAxes,
    `graph g {
      input %x : f32[1,4,2]
      %a : f32[1,6,2] = pad(%x) {"before":[0,2,0],"after":[0,0,0]}
      %b : f32[1,1,6,2] = reshape(%a) {"shape":[1,1,6,2]}
      %y : f32[1,1,5,2] = max_pool2d(%b) ${POOL}
      output %y
    }`,
    `graph g {
      input %x : f32[1,4,2]
      %a : f32[1,1,4,2] = reshape(%x) {"shape":[1,1,4,2]}
      %b : f32[1,1,6,2] = pad(%a) {"before":[0,0,2,0],"after":[0,0,0,0]}
      %y : f32[1,1,5,2] = max_pool2d(%b) ${POOL}
      output %y
    }`,
  );
});

suite('leaves what no convolution reads', () => {
  const text = `graph g {
    input %x : f32[1,4,2]
    %a : f32[1,6,2] = pad(%x) {"before":[0,2,0],"after":[0,0,0]}
    %y : f32[1,1,6,2] = reshape(%a) {"shape":[1,1,6,2]}
    output %y
  }`;
  expectRefusal(moveUnitAxes, text, 'before-margins', '%y = reshape', '%y is not read by convolutions alone');
});

suite('leaves a reshape that makes rows of a sequence', () => {
  const text = `graph g {
    input %x : f32[1,4,2]
    %a : f32[1,6,2] = pad(%x) {"before":[0,2,0],"after":[0,0,0]}
    %b : f32[1,2,3,2] = reshape(%a) {"shape":[1,2,3,2]}
    %y : f32[1,2,2,2] = max_pool2d(%b) ${POOL}
    output %y
  }`;
  expectRefusal(moveUnitAxes, text, 'before-margins', '%b = reshape', 'it makes no image of a sequence');
});

function randomSequence(r: Random): Graph {
  const [batch, length, block] = [r.int(1, 2), r.int(1, 5), r.int(1, 3)];
  const [before, after] = [r.int(0, 2), r.int(0, 2)];
  const padded = length + before + after;
  const rest = (block - (padded % block)) % block;
  const cut = (padded + rest) / block;
  const [n, place] = [batch * block, r.pick([1, 2])];
  const image = (count: number, channels: number) => (place === 1 ? [n, 1, count, channels] : [n, count, 1, channels]);
  const taps = r.int(1, cut);
  const out = cut - taps + 1;
  const window = place === 1 ? [1, taps] : [taps, 1];
  const weights = Array.from({ length: 3 * taps * 2 }, () => r.int(-50, 50));
  const crop = r.int(0, Math.min(2, out * block - 1));
  const [x, y] = ['affine(0.5, 3)', 'affine(0.25, -9)'];
  const kept = r.chance(0.2) ? 'output %a' : '';
  return parseGraph(`graph g {
    input %x : i8[${batch},${length},2] ${x}
    const %w : i8[3,${window},2] affine(0.02, 0) dense = [${weights.join(', ')}]
    %a : i8[${batch},${padded},2] ${x} = pad(%x) {"before":[0,${before},0],"after":[0,${after},0]}
    %b : i8[${n},${cut},2] ${x} = space_to_batch(%a) {"block":[${block}],"margins":[[${rest},0]]}
    %c : i8[${image(cut, 2)}] ${x} = reshape(%b) {"shape":[${image(cut, 2)}]}
    %d : i8[${image(out, 3)}] ${y} = conv2d(%c, %w) {"stride":[1,1],"padding":{"top":0,"bottom":0,"left":0,"right":0}}
    %e : i8[${n},${out},3] ${y} = reshape(%d) {"shape":[${n},${out},3]}
    %y : i8[${batch},${out * block - crop},3] ${y} = batch_to_space(%e) {"block":[${block}],"margins":[[${crop},0]]}
    output %y
    ${kept}
  }`);
}

suite('is exact on random sequences in batches', () => expectExactOn(moveUnitAxes, FILE, randomSequence, [0.5, 1]));

suite.run();
