/** Noise between two versions of a graph, judged by hand. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NoiseMeter } from '../../compiler/report/sqnr.ts';
import { evaluate } from '../../ir/tensor/evaluate.ts';
import { parseGraph } from '../../ir/tensor/parse.ts';

const test = suite('sqnr');

const float = parseGraph(`graph net {
  input %x : f32[1,2]
  %a : f32[1,2] = relu(%x)
  %z : f32[1,2] = abs(%a)
  %flat : f32[2] = reshape(%z) {"shape":[2]}
  output %flat
}
`);
const integer = parseGraph(`graph net {
  input %x : i8[1,2] affine(0.5, 0)
  %a : i8[1,2] affine(0.5, 0) = relu(%x)
  %z : i8[1,2] affine(1, 0) = requantize(%a)
  %flat : i8[1,2] affine(1, 0) = reshape(%z) {"shape":[1,2]}
  output %flat
}
`);

test('tensors of the same name and shape, noisiest first', () => {
  const meter = new NoiseMeter(float, integer);
  assert.is(meter.size, 2);
  for (const [real, stored] of [
    [
      [1.5, -1],
      [3, -2],
    ],
    [
      [0.5, 3],
      [1, 6],
    ],
  ] as const) {
    meter.add(evaluate(float, [Float32Array.from(real)]).values, evaluate(integer, [Int8Array.from(stored)]).values);
  }
  // a is exact; z rounds 1.5 to 2, 0.5 to 1 (away from zero) and keeps 3: signal 2.25 + 0.25 + 9, noise 0.25 + 0.25.
  const [first, second] = meter.result();
  assert.equal([first?.name, first?.op, first?.worst], ['z', 'abs', 0.5]);
  assert.is(first?.sqnr.toFixed(9), (10 * Math.log10(11.5 / 0.5)).toFixed(9));
  assert.is(first?.rms, Math.sqrt(11.5 / 4));
  assert.equal([second?.name, second?.sqnr, second?.worst], ['a', Number.POSITIVE_INFINITY, 0]);
});

test('NaN in one of both is the worst there is', () => {
  const graph = parseGraph(`graph net {
  input %x : f32[2]
  input %w : f32[2]
  %a : f32[2] = abs(%x)
  %b : f32[2] = abs(%w)
  output %a
  output %b
}
`);
  const of = (x: number, w: number) => evaluate(graph, [Float32Array.of(x, 2), Float32Array.of(w, 2)]).values;
  const meter = new NoiseMeter(graph, graph);
  meter.add(of(1, 1), of(1.5, Number.NaN));
  assert.equal(
    meter.result().map(({ name, sqnr }) => [name, Number.isNaN(sqnr)]),
    [
      ['b', true],
      ['a', false],
    ],
  );
});

test.run();
