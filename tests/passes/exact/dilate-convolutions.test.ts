import { suite as makeSuite } from 'uvu';
import { dilateConvolutions } from '../../../compiler/passes/exact/dilate-convolutions.ts';
import type { Graph } from '../../../ir/tensor/graph.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import type { Random } from '../../support/random.ts';
import { expectExactOn, expectRefusal, expectRewrite } from '../support.ts';

const FILE = 'tests/passes/exact/dilate-convolutions.test.ts';
const suite = makeSuite('exact/dilate-convolutions');

const NONE = '"padding":{"top":0,"bottom":0,"left":0,"right":0}';

function sandwich(stride: number, result: string): string {
  return `graph g {
    input %x : i8[1,3,1,1] affine(0.5, 3)
    const %w : i8[1,3,1,1] affine(0.25, 0) dense = [1, 2, 3]
    %a : i8[2,4,1,1] affine(0.5, 3) = space_to_batch(%x) {"block":[2,1],"margins":[[2,3],[0,0]]}
    %b : i8[2,${stride === 1 ? 2 : 1},1,1] affine(0.5, 0) = conv2d(%a, %w) {"stride":[${stride},1],${NONE}}
    %y : i8[1,${stride === 1 ? 3 : 1},1,1] affine(0.5, 0) = ${result}
    output %y
  }`;
}

suite('is one dilated convolution', () => {
  expectRewrite(
    dilateConvolutions,
    sandwich(1, 'batch_to_space(%b) {"block":[2,1],"margins":[[0,1],[0,0]]}'),
    `graph g {
      input %x : i8[1,3,1,1] affine(0.5, 3)
      const %w : i8[1,3,1,1] affine(0.25, 0) dense = [1, 2, 3]
      %y : i8[1,3,1,1] affine(0.5, 0) = conv2d(%x, %w)
        {"stride":[1,1],"dilation":[2,1],"padding":{"top":2,"bottom":2,"left":0,"right":0}}
      output %y
    }`,
  );
});

suite('leaves a convolution that strides', () => {
  const text = sandwich(2, 'batch_to_space(%b) {"block":[2,1],"margins":[[0,1],[0,0]]}');
  expectRefusal(dilateConvolutions, text, 'dilate', '%y = batch_to_space', 'the convolution strides');
});

suite('leaves blocks that differ', () => {
  const text = sandwich(1, 'batch_to_space(%b) {"block":[1,2],"margins":[[0,0],[0,1]]}').replace(
    '%y : i8[1,3,1,1]',
    '%y : i8[1,2,1,1]',
  );
  expectRefusal(dilateConvolutions, text, 'dilate', '%y = batch_to_space', 'the blocks differ');
});

function randomSandwich(r: Random): Graph {
  const block = [r.int(1, 3), r.int(1, 3)] as const;
  const window = [r.int(1, 3), r.int(1, 3)] as const;
  const inner = { top: r.int(0, 1), bottom: r.int(0, 1), left: r.int(0, 1), right: r.int(0, 1) };
  const own = [inner.top + inner.bottom, inner.left + inner.right];
  const extents = [r.int(1, 6), r.int(1, 6)];
  const sides = ([0, 1] as const).map((axis) => {
    const b = block[axis];
    const before = r.int(0, 3);
    const after = ((b - (((extents[axis] as number) + before) % b)) % b) + b * r.int(0, 2);
    const cut = ((extents[axis] as number) + before + after) / b;
    const out = cut + (own[axis] as number) - window[axis] + 1;
    const crops = [r.int(0, 3), r.int(0, 3)] as const;
    return { margins: [before, after], cut, out, crops, result: out * b - crops[0] - crops[1] };
  });
  if (sides.some(({ out, result }) => out < 1 || result < 1)) return randomSandwich(r);
  const [rows, columns] = sides as [(typeof sides)[0], (typeof sides)[0]];
  const batches = block[0] * block[1];
  const isDepthwise = r.chance(0.5);
  const shape = isDepthwise ? [1, ...window, 2] : [3, ...window, 2];
  const outputs = isDepthwise ? 2 : 3;
  const weights = Array.from({ length: shape.reduce((product, n) => product * n, 1) }, () => r.int(-90, 90));
  const blockText = `"block":[${block}]`;
  const quant = `affine(0.5, ${r.int(-128, 127)})`;
  return parseGraph(`graph g {
    input %x : i8[1,${extents},2] ${quant}
    const %w : i8[${shape}] affine(0.01, 0) dense = [${weights.join(', ')}]
    %a : i8[${batches},${rows.cut},${columns.cut},2] ${quant} = space_to_batch(%x) {${blockText},"margins":[[${rows.margins}],[${columns.margins}]]}
    %b : i8[${batches},${rows.out},${columns.out},${outputs}] affine(0.5, 7) = ${isDepthwise ? 'depthwise_conv2d' : 'conv2d'}(%a, %w) {"stride":[1,1],"dilation":[1,1],"padding":${JSON.stringify(inner)}}
    %y : i8[1,${rows.result},${columns.result},${outputs}] affine(0.5, 7) = batch_to_space(%b) {${blockText},"margins":[[${rows.crops}],[${columns.crops}]]}
    output %y
  }`);
}

suite('is exact on random blocks, margins, crops and windows', () =>
  expectExactOn(dilateConvolutions, FILE, randomSandwich));

suite.run();
