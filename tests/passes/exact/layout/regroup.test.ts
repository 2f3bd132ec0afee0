import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { inverse, permuted, permutedData } from '../../../../compiler/passes/exact/layout/permutation.ts';
import { movedUnits, regrouped } from '../../../../compiler/passes/exact/layout/regroup.ts';
import { elementCount, NO_QUANT, type TensorType } from '../../../../ir/tensor/types.ts';
import { Random } from '../../../support/random.ts';

const suite = makeSuite('passes/exact/layout/regroup');

function i32(shape: readonly number[]): TensorType {
  return { dtype: 'i32', shape, quant: NO_QUANT };
}

/** A shape cut from `factors` at random places, with axes of extent 1 strewn in. */
function cut(r: Random, factors: readonly number[]): number[] {
  const shape = [1];
  for (const factor of factors) {
    if (r.chance(0.5)) shape[shape.length - 1] *= factor;
    else shape.push(factor);
    if (r.chance(0.3)) shape.push(1);
  }
  return shape;
}

suite('splits, joins and drops axes', () => {
  assert.equal(regrouped([2, 12, 5], [2, 3, 4, 5], [0, 2, 1]), [0, 3, 1, 2]);
  assert.equal(regrouped([2, 3, 4, 5], [2, 12, 5], [0, 3, 1, 2]), [0, 2, 1]);
  assert.equal(regrouped([2, 3, 4], [2, 3, 1, 4], [0, 2, 1]), [0, 3, 2, 1]);
  assert.is(regrouped([2, 3, 4, 5], [2, 60], [0, 2, 3, 1]), undefined);
  assert.is(regrouped([4, 3], [2, 6], [1, 0]), undefined);
});

suite('gives the layout in which reshape and transpose change places', () => {
  let found = 0;
  for (let seed = 1; seed <= 500; seed++) {
    const r = new Random(seed);
    const factors = Array.from({ length: r.int(1, 4) }, () => r.int(2, 3));
    const [from, to] = [cut(r, factors), cut(r, factors)];
    const layout = r.shuffle(from.map((_, axis) => axis));
    const result = regrouped(from, to, layout);
    if (result === undefined) continue;
    found++;
    const data = Int32Array.from({ length: elementCount(from) }, (_, i) => i);
    assert.equal(permutedData(i32(to), data, result), permutedData(i32(from), data, layout), `seed ${seed}`);
  }
  assert.ok(found > 100, `${found} of 500`);
});

suite('knows reshapes that only move axes of extent 1', () => {
  assert.equal(movedUnits([2, 1, 1, 3], [2, 3, 1, 1]), [0, 3, 1, 2]);
  assert.is(movedUnits([2, 3], [3, 2]), undefined);
  assert.is(movedUnits([2, 3], [2, 3, 1]), undefined);
  assert.is(movedUnits([2, 1], [2, 1]), undefined);
  for (let seed = 1; seed <= 100; seed++) {
    const r = new Random(seed);
    const shape = r.shuffle([1, 1, 1, 2, 3]);
    const order = r.shuffle([0, 1, 2, 3, 4]);
    const moved = permuted(shape, order);
    const layout = movedUnits(shape, moved);
    if (moved.join() === shape.join()) continue;
    const isReshape = moved.indexOf(2) < moved.indexOf(3) === shape.indexOf(2) < shape.indexOf(3);
    assert.is(layout !== undefined, isReshape, `seed ${seed}`);
    if (layout === undefined) continue;
    assert.equal(permuted(shape, layout), moved);
    assert.equal(permuted(permuted(shape, layout), inverse(layout)), shape);
  }
});

suite.run();
