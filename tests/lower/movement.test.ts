import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Box, simplify } from '../../compiler/lower/boxes.ts';
import { lower } from '../../compiler/lower/index.ts';
import { TARGETS, type TargetName } from '../../compiler/targets/index.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import type { Graph } from '../../ir/tensor/graph.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import { NO_QUANT, type TensorType } from '../../ir/tensor/types.ts';
import { casesOf, evaluated, graphOf, KERNEL_TARGETS, loweringFault } from '../support/cases.ts';
import { Random } from '../support/random.ts';
import { forAllGraphs, randomData, randomInputs } from '../support/random-graph.ts';
import { programFault, singleNode } from '../support/single-node.ts';

const suite = makeSuite('movement kernels');
const FILE = 'tests/lower/movement.test.ts';
const cases = await casesOf(['shape', 'slice', 'resize']);
const short = cases.filter(({ case: { model } }) => {
  const [main] = model.subgraphs;
  return main?.inputs.every((tensor) => main.tensors[tensor]?.type !== 'i64');
});

for (const target of KERNEL_TARGETS) {
  suite(`every case for target ${target} computes what its graph does`, () => {
    const faults = short.flatMap((loaded) => {
      const fault = loweringFault(loaded, target);
      return fault === undefined ? [] : [`${loaded.case.name}: ${fault}`];
    });
    assert.equal(faults, [], `node --import ./tools/ts.mjs ${FILE}`);
    assert.ok(short.length >= 300, `${short.length} cases`);
  });
}

const OPS: readonly OpName[] = [
  'reshape',
  'transpose',
  'slice',
  'concat',
  'broadcast_to',
  'tile',
  'gather',
  'pad',
  'mirror_pad',
  'depth_to_space',
  'space_to_depth',
  'batch_to_space',
  'space_to_batch',
  'resize_nearest',
  'resize_bilinear',
];

/** Packed constants, states, and inputs that are outputs too are no business of these kernels. */
function isTried(graph: Graph): boolean {
  const isWhole = [...graph.types.values()].every(({ dtype }) => !['i4', 'u4', 'i2', 'i1'].includes(dtype));
  const computed = new Set(graph.nodes.flatMap((node) => node.outputs));
  return isWhole && graph.states.length === 0 && graph.outputs.every((name) => computed.has(name));
}

for (const op of OPS) {
  suite(`random nodes of ${op} compute what evaluation says`, async () => {
    let tried = 0;
    await forAllGraphs({
      file: FILE,
      seeds: 100,
      options: { ops: [op], nodes: 2, encodings: false },
      holds(graph, seed) {
        if (!isTried(graph)) return;
        tried++;
        const fault = programFault(graph, randomInputs(graph, seed), 'c');
        if (fault !== undefined) throw new Error(fault);
      },
    });
    assert.ok(tried > 0 || process.env.MCC_SEED !== undefined, 'no graph was tried');
  });
}

suite('random graphs of all of them compute what evaluation says', async () => {
  await forAllGraphs({
    file: FILE,
    seeds: 150,
    options: { ops: OPS, nodes: 6, encodings: false },
    holds(graph, seed) {
      const fault = isTried(graph) ? programFault(graph, randomInputs(graph, seed), 'c') : undefined;
      if (fault !== undefined) throw new Error(fault);
    },
  });
});

suite('slices and concatenations work in place where they can', () => {
  const bytes = (...shape: number[]) => `i8[${shape.join(',')}]`;
  const graph = parseGraph(`graph g {
    input %x : ${bytes(6, 4)}
    input %z : ${bytes(2, 3)}
    %a : ${bytes(4, 6)} = transpose(%x) {"permutation":[1,0]}
    %b : ${bytes(3, 2)} = slice(%a) {"start":[1,1],"stride":[1,3],"size":[3,2]}
    %c : ${bytes(2, 3)} = transpose(%b) {"permutation":[1,0]}
    %d : ${bytes(4, 3)} = concat(%c, %z) {"axis":0}
    %y : ${bytes(3, 4)} = transpose(%d) {"permutation":[1,0]}
    output %y
  }`);
  const { memory, steps } = lower(graph, TARGETS.c).plan;
  const allowed = steps.filter(({ op }) => op !== 'transpose').map(({ inPlace }) => inPlace);
  assert.equal(allowed, [[[0, 0]], [[0, 0]]]);
  assert.is(memory.bytes, 24);
  const data = Int8Array.from({ length: 24 }, (_, i) => i);
  assert.is(programFault(graph, [data, data.slice(0, 6)], 'c'), undefined);
});

suite('what goes backwards or interleaves its operands does not work in place', () => {
  const graph = parseGraph(`graph g {
    input %x : i8[6,4]
    %a : i8[4,6] = transpose(%x) {"permutation":[1,0]}
    %b : i8[4,6] = slice(%a) {"start":[3,0],"stride":[-1,1],"size":[4,6]}
    %c : i8[6,4] = transpose(%b) {"permutation":[1,0]}
    %d : i8[6,8] = concat(%c, %x) {"axis":1}
    %y : i8[8,6] = transpose(%d) {"permutation":[1,0]}
    output %y
  }`);
  const { memory, steps } = lower(graph, TARGETS.c).plan;
  assert.equal(
    steps.flatMap(({ inPlace }) => inPlace),
    [],
  );
  assert.is(memory.bytes, 24 + 48);
  const data = Int8Array.from({ length: 24 }, (_, i) => i);
  assert.is(programFault(graph, [data], 'c'), undefined);
});

suite('indices at run time, inside and outside', () => {
  const floats: TensorType = { dtype: 'f32', shape: [2, 5, 3], quant: NO_QUANT };
  const data = Float32Array.from({ length: 30 }, (_, i) => i / 4);
  for (const [axis, batchDims, shape] of [
    [1, 0, [4]],
    [2, 0, [2, 2]],
    [1, 1, [2, 2]],
    [0, 0, []],
    [2, 1, [2, 3]],
  ] as const) {
    const indices: TensorType = { dtype: 'i32', shape, quant: NO_QUANT };
    const graph = singleNode('gather', { axis, batchDims }, [{ type: floats }, { type: indices }]);
    for (const given of [
      [0, 1, 2, 1, 0, 1],
      [-1, 5, 2 ** 31 - 1, -(2 ** 31), 4, 3],
    ]) {
      const list = Int32Array.from(given).slice(
        0,
        shape.reduce<number>((count, extent) => count * extent, 1),
      );
      assert.is(programFault(graph, [data, list], 'c'), undefined, `axis ${axis}, batchDims ${batchDims}: ${given}`);
    }
  }
});

suite('constants outside the axis are clamped too', () => {
  const type: TensorType = { dtype: 'i16', shape: [4], quant: NO_QUANT };
  const far = { type: { dtype: 'i64' as const, shape: [3], quant: NO_QUANT }, data: BigInt64Array.of(-9n, 2n, 99n) };
  const graph = singleNode('gather', { axis: 0, batchDims: 0 }, [{ type }, far]);
  assert.is(programFault(graph, [Int16Array.of(5, 6, 7, 8)], 'c'), undefined);
});

suite('tables of more than 256 and 65536 rows', () => {
  for (const count of [255, 256, 257, 65536, 65537]) {
    const type: TensorType = { dtype: 'u8', shape: [count], quant: NO_QUANT };
    const places = Int32Array.of(count - 1, 0, 1, count - 2, 7);
    const given = { type: { dtype: 'i32' as const, shape: [5], quant: NO_QUANT }, data: places };
    const graph = singleNode('gather', { axis: 0, batchDims: 0 }, [{ type }, given]);
    assert.is(programFault(graph, [Uint8Array.from({ length: count }, (_, i) => i % 251)], 'c'), undefined, `${count}`);
  }
});

suite('images far larger than their source', () => {
  const type: TensorType = { dtype: 'i8', shape: [1, 3, 1, 1], quant: NO_QUANT };
  const attrs = { size: [5000, 1] as [number, number], alignCorners: false, halfPixelCenters: false };
  const graph = singleNode('resize_bilinear', attrs, [{ type }]);
  assert.is(programFault(graph, [Int8Array.of(-128, 127, 3)], 'c'), undefined);
});

suite('slices against the axes and constant margins of every type, for every target', () => {
  const r = new Random(31);
  const shape = [2, 5, 3];
  for (const dtype of ['f32', 'f16', 'i32', 'i16', 'i8', 'u8', 'bool'] as const) {
    const type: TensorType = { dtype, shape, quant: NO_QUANT };
    const data = randomData(r, type);
    const one: TensorType = { dtype, shape: [], quant: NO_QUANT };
    const reversed = singleNode('slice', { start: [1, 4, 2], stride: [-1, -2, -1], size: [2, 3, 3] }, [{ type }]);
    const padded = singleNode('pad', { before: [0, 1, 2], after: [1, 0, 1] }, [{ type }, { type: one }]);
    const expected = Array.from({ length: 18 }, (_, i) => {
      const [a, b, c] = [1 - Math.floor(i / 9), 4 - 2 * (Math.floor(i / 3) % 3), 2 - (i % 3)] as const;
      return data[(a * 5 + b) * 3 + c];
    });
    assert.equal([...(evaluate(reversed, [data]).outputs[0] as Float32Array)], expected, dtype);
    for (const target of Object.keys(TARGETS) as TargetName[]) {
      assert.is(programFault(reversed, [data], target), undefined, `slice of ${dtype} for ${target}`);
      assert.is(programFault(padded, [data, randomData(r, one)], target), undefined, `pad of ${dtype} for ${target}`);
    }
  }
});

const walk = (start: number, ...strides: number[]) => ({ start, strides });

suite('axes that run on from one another become one', () => {
  const box: Box = {
    source: { operand: 0 },
    shape: [2, 1, 3, 4],
    from: walk(5, 12, 12, 4, 1),
    to: walk(0, 24, 1, 8, 2),
  };
  const merged = simplify(box);
  assert.equal([merged.shape, merged.from, merged.to], [[24], walk(5, 1), walk(0, 2)]);
  const apart = simplify({ ...box, to: walk(0, 30, 1, 8, 2) });
  assert.equal([apart.shape, apart.from, apart.to], [[2, 12], walk(5, 12, 1), walk(0, 30, 2)]);
});

suite('regular tables become strides, others stay', () => {
  const from = (...indices: number[]): Box => ({
    source: { operand: 0 },
    shape: [indices.length],
    from: walk(1, 0),
    to: walk(0, 1),
    lookups: [{ indices, start: 0, strides: [1], step: 10, limit: 9 }],
  });
  assert.equal(simplify(from(2, 4, 6)).from, walk(21, 20));
  assert.equal(simplify(from(3, 2, 1, 0)).from, walk(31, -10));
  assert.equal(simplify(from(5, 5, 5)).from, walk(51, 0));
  const doubled = simplify(from(0, 0, 1, 1, 2, 2));
  assert.equal([doubled.shape, doubled.from, doubled.to], [[3, 2], walk(1, 10, 0), walk(0, 2, 1)]);
  assert.is(simplify(from(0, 1, 3)).lookups?.length, 1);
});

suite('answers of uint8 operands with other scales pass through a table', () => {
  const scaled = cases.find(({ case: { name } }) => name === 'concatenation u8 of other scales');
  if (scaled === undefined) throw new Error('the case is gone');
  const graph = graphOf(scaled);
  assert.equal(
    graph.nodes.map((node) => node.op),
    ['gather', 'gather', 'concat'],
  );
  assert.equal(evaluated(graph, scaled), scaled.golden);
});

suite.run();
