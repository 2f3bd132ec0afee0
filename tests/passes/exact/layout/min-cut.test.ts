import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { FlowNetwork, SINK, SOURCE } from '../../../../compiler/passes/exact/layout/min-cut.ts';
import { Random } from '../../../support/random.ts';

const suite = makeSuite('passes/exact/layout/min-cut');

type Edge = readonly [from: number, to: number, capacity: number];

function cutBy(edges: readonly Edge[], side: ReadonlySet<number>): number {
  return edges.reduce((sum, [from, to, capacity]) => (side.has(from) && !side.has(to) ? sum + capacity : sum), 0);
}

/** All sets of vertices that hold the source and not the sink. */
function sides(vertices: number): Set<number>[] {
  return Array.from({ length: 2 ** vertices }, (_, bits) => {
    const inner = Array.from({ length: vertices }, (_, i) => i + 2).filter((_, i) => (bits >> i) & 1);
    return new Set([SOURCE, ...inner]);
  });
}

suite('finds the smallest and the largest of all minimum cuts', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const r = new Random(seed);
    const vertices = r.int(1, 6);
    const edges = Array.from({ length: r.int(1, 16) }, (): Edge => {
      const [from, to] = [r.int(0, vertices + 1), r.int(0, vertices + 1)];
      const isInner = from > SINK && to > SINK;
      return [from, to, isInner && r.chance(0.3) ? Number.POSITIVE_INFINITY : r.int(0, 5)];
    });
    const network = new FlowNetwork();
    for (let i = 0; i < vertices; i++) network.vertex();
    for (const edge of edges) network.edge(...edge);
    const [smallest, largest] = network.sourceSides();
    const all = sides(vertices);
    const least = Math.min(...all.map((side) => cutBy(edges, side)));
    const sizes = all.filter((side) => cutBy(edges, side) === least).map(({ size }) => size);
    assert.is(cutBy(edges, smallest), least, `seed ${seed}`);
    assert.is(smallest.size, Math.min(...sizes), `seed ${seed}`);
    assert.is(cutBy(edges, largest), least, `seed ${seed}`);
    assert.is(largest.size, Math.max(...sizes), `seed ${seed}`);
  }
});

suite.run();
