import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { BINS, Histogram } from '../../../compiler/compress/calibrate/histogram.ts';
import { Random } from '../../support/random.ts';
import { normals } from '../support.ts';

const suite = makeSuite('histogram');

suite('counts every value once, zeros apart', () => {
  const histogram = new Histogram();
  histogram.add([0, -0, 1, -1, 3.5, 0.25]);
  assert.is(histogram.zeros, 2);
  assert.is(
    histogram.counts.reduce((sum, count) => sum + count, 0),
    4,
  );
  assert.is(histogram.limit, 4);
});

suite('holds each value in a bin whose edges enclose it', () => {
  const values = normals(new Random(7), 500, 3);
  for (const x of values) {
    const histogram = new Histogram();
    histogram.add([x, 100]);
    const bins = [...histogram.counts.keys()].filter((bin) => histogram.counts[bin] > 0);
    const bin = bins.find((b) => histogram.edge(b) <= x && x < histogram.edge(b + 1));
    assert.ok(bin !== undefined, `${x}`);
    assert.ok(Math.abs(histogram.middle(bin as number) - x) <= histogram.width / 2);
  }
});

suite('does not depend on the order of the stream, nor on where it is cut or resumed', () => {
  const values = normals(new Random(1), 3000, 0.01).map((x, i) => (i % 500 === 0 ? x * 1000 : x));
  const whole = new Histogram();
  whole.add(values);
  let parts = new Histogram();
  for (let i = values.length - 100; i >= 0; i -= 100) {
    parts.add(values.subarray(i, i + 100));
    parts = Histogram.of(JSON.parse(JSON.stringify(parts.state())));
  }
  assert.equal(parts.state(), whole.state());
  assert.is(whole.counts.length, BINS, 'memory is constant');
});

suite('takes the smallest and the largest floats', () => {
  const histogram = new Histogram();
  histogram.add([2 ** -149, -(2 ** -149), 3e38, -3e38]);
  assert.is(
    histogram.counts.reduce((sum, count) => sum + count, 0),
    4,
  );
});

suite.run();
