import { suite as makeSuite } from 'uvu';
import { foldPadding } from '../../../compiler/passes/exact/fold-padding.ts';
import type { Graph } from '../../../ir/tensor/graph.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import type { Random } from '../../support/random.ts';
import { expectExactOn, expectRefusal, expectRewrite } from '../support.ts';

const FILE = 'tests/passes/exact/fold-padding.test.ts';
const suite = makeSuite('exact/fold-padding');

function padded(filling: string, margins: string, window: string, type = 'i8[1,2,3,1] affine(0.5, -7)'): string {
  return `graph g {
    input %x : ${type}
    const %v : i8[1] affine(0.5, -7) dense = [${filling}]
    const %w : i8[1,2,2,1] affine(0.25, 0) dense = [1, 2, 3, -4]
    %a : i8[1,3,4,1] affine(0.5, -7) = pad(%x, %v) {${margins}}
    %y : i8[1,2,3,1] affine(0.5, -7) = ${window}
    output %y
  }`;
}

const MARGINS = '"before":[0,1,0,0],"after":[0,0,1,0]';
const NONE = '"padding":{"top":0,"bottom":0,"left":0,"right":0}';
const MORE = '"padding":{"top":1,"bottom":0,"left":0,"right":1}';
const CONV = `conv2d(%a, %w) {"stride":[1,1],${NONE}}`;

suite('gives the margins to the convolution', () => {
  expectRewrite(
    foldPadding,
    padded('-7', MARGINS, CONV),
    padded('-7', MARGINS, `conv2d(%x, %w) {"stride":[1,1],${MORE}}`),
  );
});

suite('leaves margins of another value', () => {
  const text = padded('-6', MARGINS, CONV);
  expectRefusal(foldPadding, text, 'fold', '%y = conv2d', 'the margins are -6, not zero');
});

suite('leaves padded batches and channels', () => {
  const text = `graph g {
    input %x : i8[1,2,2,1] affine(0.5, 0)
    const %w : i8[2,1,1,2] affine(0.25, 0) dense = [1, 2, 3, -4]
    %a : i8[1,2,2,2] affine(0.5, 0) = pad(%x) {"before":[0,0,0,1],"after":[0,0,0,0]}
    %y : i8[1,2,2,2] affine(0.5, -7) = conv2d(%a, %w) {"stride":[1,1],${NONE}}
    output %y
  }`;
  expectRefusal(foldPadding, text, 'fold', '%y = conv2d', 'batches or channels are padded');
});

suite('leaves maxima that margins may be', () => {
  const pool = `max_pool2d(%a) {"window":[2,2],"stride":[1,1],${NONE}}`;
  const text = padded('-7', MARGINS, pool);
  expectRefusal(foldPadding, text, 'fold', '%y = max_pool2d', 'the margins may be the maximum');
});

for (const weight of ['Infinity', 'NaN']) {
  suite(`leaves floats with a weight of ${weight}`, () => {
    const text = `graph g {
      input %x : f32[1,1,1,1]
      const %w : f32[1,1,1,1] dense = [${weight}]
      %a : f32[1,2,1,1] = pad(%x) {"before":[0,1,0,0],"after":[0,0,0,0]}
      %y : f32[1,2,1,1] = conv2d(%a, %w) {"stride":[1,1],${NONE}}
      output %y
    }`;
    expectRefusal(foldPadding, text, 'fold', '%y = conv2d', 'zero times its weights may be NaN');
  });
}

function randomPadded(r: Random): Graph {
  const isFloat = r.chance(0.2);
  const quant = isFloat ? '' : ` affine(0.5, ${r.pick([-128, -128, 0, 9])})`;
  const dtype = isFloat ? 'f32' : 'i8';
  const [height, width, channels] = [r.int(1, 4), r.int(1, 4), r.int(1, 2)];
  const side = () => r.int(0, 2);
  const [top, bottom, left, right] = [side(), side(), side(), side()];
  const more = { top: r.int(0, 1), bottom: r.int(0, 1), left: r.int(0, 1), right: r.int(0, 1) };
  const [rows, columns] = [height + top + bottom, width + left + right];
  const window = [r.int(1, 3), r.int(1, 3)] as const;
  const op = r.pick(['conv2d', 'depthwise_conv2d', 'max_pool2d']);
  if (op === 'max_pool2d') {
    more.top = more.bottom = Math.min(more.top, window[0] - 1);
    more.left = more.right = Math.min(more.left, window[1] - 1);
  }
  const outHeight = rows + more.top + more.bottom - window[0] + 1;
  const outWidth = columns + more.left + more.right - window[1] + 1;
  if (outHeight < 1 || outWidth < 1) return randomPadded(r);
  const outputs = op === 'conv2d' ? 2 : channels;
  const shape = op === 'conv2d' ? [2, ...window, channels] : [1, ...window, channels];
  const count = shape.reduce((product, n) => product * n, 1);
  const weights = Array.from({ length: count }, () => r.int(-20, 20)).join(', ');
  const filling = r.chance(0.2) ? ', %v' : '';
  const operand = op === 'max_pool2d' ? '' : ', %w';
  const attrs = `"stride":[1,1],"padding":${JSON.stringify(more)}`;
  return parseGraph(`graph g {
    input %x : ${dtype}[1,${height},${width},${channels}]${quant}
    const %v : ${dtype}[1]${quant} dense = [0]
    const %w : ${dtype}[${shape}]${isFloat ? '' : ' affine(0.1, 0)'} dense = [${weights}]
    %a : ${dtype}[1,${rows},${columns},${channels}]${quant} = pad(%x${filling}) {"before":[0,${top},${left},0],"after":[0,${bottom},${right},0]}
    %y : ${dtype}[1,${outHeight},${outWidth},${outputs}]${quant} = ${op}(%a${operand}) {${attrs}${
      op === 'max_pool2d' ? `,"window":[${window}]` : ''
    }}
    output %y
  }`);
}

suite('is exact on random windows over random margins', () => expectExactOn(foldPadding, FILE, randomPadded));

suite.run();
