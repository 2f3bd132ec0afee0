/** Products of bytes and changes of scale as one rounded product. */
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph } from '../../../../ir/tensor/graph.ts';
import type { DType, TensorType } from '../../../../ir/tensor/types.ts';
import { Random } from '../../../support/random.ts';
import { programFault, singleNode } from '../../../support/single-node.ts';
import { affineType, fault, planOf, randomBytes, reasonOf } from './support.ts';

const suite = makeSuite('rounded products');
const AGAIN = 'node --import ./tools/ts.mjs tests/lower/kernels/dsp/rescale.test.ts';

/** All 65536 pairs. */
const LEFT = Int8Array.from({ length: 65536 }, (_, i) => (i >> 8) - 128);
const RIGHT = Int8Array.from({ length: 65536 }, (_, i) => (i & 255) - 128);

function product(types: readonly TensorType[], y: TensorType, rounding: 'tflm' | 'litert' = 'tflm'): Graph {
  const attrs = { activation: 'none', ...(rounding === 'litert' ? { numerics: rounding } : {}) };
  return singleNode(
    'mul',
    attrs as never,
    types.map((type) => ({ type })),
    y,
  );
}

suite('mul: random scales and zero points, on all pairs', () => {
  const faults: string[] = [];
  let short = 0;
  for (let seed = 0; seed < 10; seed++) {
    const r = new Random(seed);
    const [a, b] = [0, 1].map(() => affineType('i8', [65536], 0.01 + 0.1 * r.unit(), r.int(-128, 127))) as [
      TensorType,
      TensorType,
    ];
    const y = affineType('i8', [1], 0.02 + 0.2 * r.unit(), r.int(-128, 127));
    const graph = product([a, b], y, seed % 3 === 0 ? 'litert' : 'tflm');
    if (planOf(graph).kernel === 'mul_bytes') short++;
    const found = programFault(graph, [LEFT, RIGHT], 'cortex-m4');
    if (found !== undefined) faults.push(`seed ${seed}: ${found}`);
  }
  assert.equal(faults, [], AGAIN);
  assert.ok(short >= 8, `only ${short} of 10 are rounded products; ${AGAIN}`);
});

suite('mul: counts and shapes', () => {
  const r = new Random(2);
  const faults = (
    [
      [[1], [1]],
      [[5], [5]],
      [[3, 7], [7]],
      [
        [2, 3, 4],
        [2, 1, 4],
      ],
    ] as const
  ).flatMap(([left, right]) => {
    const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
    const graph = product(
      [affineType('i8', left, 0.05, 3), affineType('i8', right, 0.07, -9)],
      affineType('i8', [1], 0.3, 1),
    );
    const found = fault(graph, [randomBytes(r, size(left)), randomBytes(r, size(right))]);
    return found === undefined ? [] : [`${left} and ${right}: ${found}`];
  });
  assert.equal(faults, [], AGAIN);
});

const STORED = {
  i8: Int8Array.from({ length: 256 }, (_, i) => i - 128),
  u8: Uint8Array.from({ length: 256 }, (_, i) => i),
  i16: Int16Array.from({ length: 65536 }, (_, i) => i - 32768),
} as const;

suite('requantize: every stored value', () => {
  const cases: readonly (readonly [keyof typeof STORED, DType, number])[] = [
    ['i8', 'i8', 0.37],
    ['i8', 'u8', 2.5],
    ['u8', 'i8', 0.11],
    ['i8', 'i16', 30],
    ['i16', 'i8', 0.004],
    ['i16', 'i16', 0.1],
  ];
  const faults = cases.flatMap(([from, to, factor]) => {
    const x = affineType(from, [STORED[from].length], 0.1 * factor, from === 'u8' ? 100 : from === 'i8' ? -5 : 0);
    const graph = singleNode('requantize', {} as never, [{ type: x }], affineType(to, [1], 0.1, to === 'i16' ? 0 : 7));
    const expected = from === 'i16' ? 'requantize_short' : 'requantize_table';
    const { kernel } = planOf(graph);
    const found = kernel === expected ? fault(graph, [STORED[from]]) : `kernel ${kernel}`;
    return found === undefined ? [] : [`${from} to ${to}: ${found}`];
  });
  assert.equal(faults, [], AGAIN);
});

suite('says why it does not apply', () => {
  const type = (dtype: DType, scale: number) => affineType(dtype, [4], scale);
  assert.is(reasonOf(product([type('i16', 0.1), type('i16', 0.1)], type('i16', 0.1)), 'mul_bytes'), 'not for i16');
  const steep = product([type('i8', 1), type('i8', 1)], type('i8', 1));
  assert.is(reasonOf(steep, 'mul_bytes'), 'a factor is scaled by 2^1, not by 2^-31 to 2^-2');
  const same = singleNode('requantize', {} as never, [{ type: type('i16', 0.1) }], type('i16', 0.1));
  assert.is(reasonOf(same, 'requantize_short'), 'a factor is scaled by 2^1, not by 2^-31 to 2^-2');
});

suite.run();
