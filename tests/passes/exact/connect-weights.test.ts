import { suite as makeSuite } from 'uvu';
import { connectWeights } from '../../../compiler/passes/exact/connect-weights.ts';
import { parseGraph } from '../../../ir/tensor/parse.ts';
import { expectExactOn, expectRefusal, expectRewrite } from '../support.ts';

const FILE = 'tests/passes/exact/connect-weights.test.ts';
const suite = makeSuite('exact/connect-weights');

suite('makes a layer of a product with a constant matrix', () => {
  expectRewrite(
    connectWeights,
    `graph g {
      input %x : f32[2,1,3]
      const %w : f32[3,2] dense = [1, 2, 3, 4, 5, 6]
      %y : f32[2,1,2] = batch_matmul(%x, %w)
      output %y
    }`,
    `graph g {
      input %x : f32[2,1,3]
      const %w : f32[3,2] dense = [1, 2, 3, 4, 5, 6]
      const %w_rows : f32[2,3] dense = [1, 3, 5, 2, 4, 6]
      %y_rows : f32[2,2] = fully_connected(%x, %w_rows)
      %y : f32[2,1,2] = reshape(%y_rows) {"shape":[2,1,2]}
      output %y
    }`,
  );
});

suite('takes a matrix that is transposed as it is', () => {
  const graph = (node: string) => `graph g {
    input %x : f32[2,3] const %w : f32[1,3] dense = [1, 2, 3] %y : f32[2,1] = ${node} output %y
  }`;
  expectRewrite(connectWeights, graph('batch_matmul(%x, %w) {"transposeB":true}'), graph('fully_connected(%x, %w)'));
});

function refused(x: string, w: string, y: string, attrs = '{}'): string {
  return `graph g { input %x : ${x} ${w} %y : ${y} = batch_matmul(%x, %w) ${attrs} output %y }`;
}

suite('leaves products of variables', () => {
  const text = refused('f32[2,2]', 'input %w : f32[2,1]', 'f32[2,1]');
  expectRefusal(connectWeights, text, 'connect', '%y = batch_matmul', '%w is not a constant');
});

suite('leaves several matrices', () => {
  const text = refused('f32[2,1,1]', 'const %w : f32[2,1,1] dense = [1, 2]', 'f32[2,1,1]');
  expectRefusal(connectWeights, text, 'connect', '%y = batch_matmul', '%w has more than one matrix');
});

suite('leaves rows that lie across', () => {
  const text = refused('f32[2,2]', 'const %w : f32[2,1] dense = [1, 2]', 'f32[2,1]', '{"transposeA":true}');
  expectRefusal(connectWeights, text, 'connect', '%y = batch_matmul', 'rows are read across');
});

suite('leaves encoded matrices', () => {
  const text = refused('f32[2,2]', 'const %w : f32[2,1] sparse(bitmap) = [0, 2]', 'f32[2,1]');
  expectRefusal(connectWeights, text, 'connect', '%y = batch_matmul', 'the encoding of %w would be lost');
});

suite('leaves integers', () => {
  const q = 'affine(0.5, 0)';
  const text = refused(`i8[2,2] ${q}`, `const %w : i8[2,1] ${q} dense = [0, 2]`, `i8[2,1] ${q}`);
  expectRefusal(connectWeights, text, 'connect', '%y = batch_matmul', 'it is not of f32');
});

suite('is exact on random products', () =>
  expectExactOn(
    connectWeights,
    FILE,
    (r) => {
      const [rows, depth, columns] = [r.int(1, 4), r.int(1, 5), r.int(1, 4)];
      const batches = r.pick([[], [2], [2, 3]]);
      const [transposeA, transposeB] = [r.chance(0.2), r.chance(0.5)];
      const x = [...batches, ...(transposeA ? [depth, rows] : [rows, depth])];
      const lead = r.pick([[], [], [1].slice(0, batches.length), batches.slice(-1)]);
      const w = [...lead, ...(transposeB ? [columns, depth] : [depth, columns])];
      const count = w.reduce((product, extent) => product * extent, 1);
      const data = Array.from({ length: count }, () => (r.chance(0.1) ? '-0' : String(r.unit() - 0.5)));
      return parseGraph(`graph g {
        input %x : f32[${x}]
        const %w : f32[${w}] dense = [${data}]
        %y : f32[${[...batches, rows, columns]}] = batch_matmul(%x, %w) {"transposeA":${transposeA},"transposeB":${transposeB}}
        output %y
      }`);
    },
    [0.3, 0.9],
  ));

suite.run();
