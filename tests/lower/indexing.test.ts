import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { lower } from '../../compiler/lower/index.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import type { OpName } from '../../ir/tensor/ops/index.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';
import { NO_QUANT, type TensorType } from '../../ir/tensor/types.ts';
import { forAllGraphs, randomInputs } from '../support/random-graph.ts';
import { programFault, singleNode } from '../support/single-node.ts';

const suite = makeSuite('kernels of ops of indices');
const FILE = 'tests/lower/indexing.test.ts';
const OPS: readonly OpName[] = ['gather_elements', 'gather_nd', 'scatter_elements', 'scatter_nd', 'top_k', 'resample'];

for (const op of OPS) {
  suite(`random nodes of ${op} compute what evaluation says`, async () => {
    await forAllGraphs({
      file: FILE,
      seeds: 100,
      options: { ops: [op], nodes: 2, encodings: false },
      holds(graph, seed) {
        // Inputs that are outputs too, and states, are no business of these kernels.
        const computed = new Set(graph.nodes.flatMap((node) => node.outputs));
        if (graph.states.length > 0 || !graph.outputs.every((name) => computed.has(name))) return;
        for (const target of ['c', 'wasm'] as const) {
          const fault = programFault(graph, randomInputs(graph, seed), target);
          if (fault !== undefined) throw new Error(`${target}: ${fault}`);
        }
      },
    });
  });
}

const plain = (dtype: TensorType['dtype'], ...shape: number[]): TensorType => ({ dtype, shape, quant: NO_QUANT });

suite('indices at the ends of i32 stay inside', () => {
  const list = Int32Array.of(-(2 ** 31), 2 ** 31 - 1, -1, 3);
  const x = Float32Array.of(1, 2, 3);
  const [type, four, pairs] = [plain('f32', 3), plain('i32', 4), plain('i32', 4, 1)];
  const updates = Float32Array.of(5, 6, 7, 8);
  const faults = [
    programFault(singleNode('gather_elements', { axis: 0 }, [{ type }, { type: four }]), [x, list], 'c'),
    programFault(singleNode('gather_nd', { batchDims: 0 }, [{ type }, { type: pairs }]), [x, list], 'c'),
    ...(['none', 'add', 'mul', 'min', 'max'] as const).flatMap((reduction) => [
      programFault(
        singleNode('scatter_elements', { axis: 0, reduction }, [{ type }, { type: four }, { type: plain('f32', 4) }]),
        [x, list, updates],
        'c',
      ),
      programFault(
        singleNode('scatter_nd', { reduction }, [{ type }, { type: pairs }, { type: plain('f32', 4) }]),
        [x, list, updates],
        'c',
      ),
    ]),
    programFault(
      singleNode('resample', { axis: 0 }, [{ type }, { type: plain('i32', 2, 2) }, { type: plain('f32', 2, 2) }]),
      [x, list, updates],
      'c',
    ),
  ];
  assert.equal(
    faults.filter((fault) => fault !== undefined),
    [],
  );
});

suite('top_k of lines in any order, with equals, NaN and zeros of both signs', () => {
  const type = plain('f32', 2, 9, 3);
  const some = [3, -1, NaN, 0, -0, 7, 7, Infinity, -Infinity, NaN, 2.5];
  for (const largest of [true, false]) {
    for (const k of [1, 2, 5, 9]) {
      const graph = parseGraph(`graph g {
        input %x : f32[2,9,3]
        %v, %i : f32[2,${k},3], i32[2,${k},3] = top_k(%x) {"axis":1,"k":${k},"largest":${largest}}
        output %v
        output %i
      }`);
      for (let turn = 1; turn <= 5; turn++) {
        const x = Float32Array.from({ length: 54 }, (_, i) => some[(i * turn * 5) % some.length] as number);
        assert.is(programFault(graph, [x], 'c'), undefined, `largest ${largest}, k ${k}, ${type.shape}`);
      }
    }
  }
});

suite('a scatter takes over the memory of x unless x is an update too', () => {
  const graphOf = (updates: string) =>
    parseGraph(`graph g {
      input %x : f32[64]
      input %i : i32[64]
      %a : f32[64] = abs(%x)
      %c : f32[64] = scatter_elements(%a, %i, %${updates}) {"axis":0,"reduction":"add"}
      %d : f32[64] = neg(%c)
      output %d
    }`);
  const data = Float32Array.from({ length: 64 }, (_, i) => i - 20);
  const indices = Int32Array.from({ length: 64 }, (_, i) => (i * 7) % 40);
  const bytes = (updates: string) => {
    const graph = graphOf(updates);
    assert.is(programFault(graph, [data, indices], 'c'), undefined, updates);
    return lower(graph, TARGETS.c).plan.memory.bytes;
  };
  assert.is(bytes('x'), 256);
  assert.is(bytes('a'), 2 * 256);
});

suite('vectors are taken where four elements lie behind the axis', () => {
  const kernelOf = (target: 'c' | 'wasm', inner: number, taps: number) => {
    const operands = [plain('f32', 2, 5, inner), plain('i32', 7, taps), plain('f32', 7, taps)];
    const graph = singleNode(
      'resample',
      { axis: 1 },
      operands.map((type) => ({ type })),
    );
    for (const seed of [1, 2]) {
      assert.is(programFault(graph, randomInputs(graph, seed), target), undefined, `${inner} elements, ${taps} taps`);
    }
    return lower(graph, TARGETS[target]).plan.steps[0]?.kernel;
  };
  for (const taps of [1, 2, 4, 5, 9]) {
    for (const inner of [4, 5, 7, 8, 12, 13]) assert.is(kernelOf('wasm', inner, taps), 'resample_x4');
    for (const inner of [1, 2, 3]) assert.is(kernelOf('wasm', inner, taps), 'resample');
    assert.is(kernelOf('c', 8, taps), 'resample');
  }
});

suite.run();
