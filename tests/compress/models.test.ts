// Trained float networks in int8, 16x8 and fixed point: what they keep, and that engines agree on the result.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSession } from '../../compiler/cli/engines/index.ts';
import { wasmTaps } from '../../compiler/cli/taps.ts';
import { importModel } from '../../compiler/compile.ts';
import { compress } from '../../compiler/compress/compress.ts';
import { type Layer, layersOf } from '../../compiler/compress/layers.ts';
import type { Quantized } from '../../compiler/compress/quantize/quantize.ts';
import { parseRecipe } from '../../compiler/compress/recipe.ts';
import type { Sample } from '../../compiler/compress/samples.ts';
import { distances } from '../../compiler/compress/sqnr.ts';
import { bytesOf } from '../../ir/tensor/bytes.ts';
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import { elementCount } from '../../ir/tensor/types.ts';
import { Random } from '../support/random.ts';
import { sharedModel, sharedModels } from '../support/shared-models.ts';

const test = suite('compressed models');

/** Slow waves with a little noise: what images, spectra and signals have in common. `scale` is the largest number. */
function waves(graph: Graph, count: number, scale: number): Sample[] {
  const r = new Random(11);
  return Array.from({ length: count }, () =>
    graph.inputs.map((name) => {
      const length = elementCount(typeOfValue(graph, name).shape);
      const turns = Array.from({ length: 5 }, () => [r.unit() * 40, r.unit() * 7]);
      return Float32Array.from({ length }, (_, i) => {
        const wave = turns.reduce((sum, [speed, start]) => sum + Math.sin((speed * i) / length + start), 0);
        return scale * Math.min(Math.max(0.5 + 0.15 * wave + 0.05 * r.unit(), 0), 1);
      });
    }),
  );
}

/** Least ratio of the last layer's results for a sample that was not seen, in decibels: 15 dB are a sixth of the amplitude. */
const CASES = [
  { model: 'ad_f32', scale: 3, least: 15 },
  { model: 'kws_f32', scale: 20, least: 15 },
  { model: 'ic_f32', scale: 255, least: 15 },
] as const;

const RECIPES = [
  [{ method: 'quantize' }],
  [{ method: 'quantize', activations: { type: 'i16' } }],
  [{ method: 'quantize', scales: 'power-of-two', weights: { granularity: 'tensor' } }],
] as const;

const shared = sharedModels('compressed models');
for (const { model, scale, least } of CASES.filter((each) => shared.includes(each.model))) {
  test(model, async () => {
    const { graph } = importModel({ path: model, name: model, bytes: sharedModel(model) });
    const samples = waves(graph, 9, scale);
    for (const [i, steps] of RECIPES.entries()) {
      const result = await compress(graph, parseRecipe({ steps }), samples.slice(1), { tapsFor: wasmTaps });
      const { float, graph: integers, integers: names } = result.quantized as Quantized;
      const { name } = layersOf(float).at(-1) as Layer;
      const pairs = new Map([[name, names.get(name) as string]]);
      const [last] = await distances(float, integers, pairs, samples.slice(0, 1));
      assert.ok(last.decibels > (i === 2 ? least - 10 : least), `${JSON.stringify(steps)}: ${last.decibels} dB`);
      await expectEqualEngines(result.graph, samples[0]);
    }
  });
}

async function expectEqualEngines(graph: Graph, sample: Sample): Promise<void> {
  const inputs = graph.inputs.map((name, i) => bytesOf(typeOfValue(graph, name), sample[i]));
  const answers: string[] = [];
  for (const engine of ['reference', 'wasm'] as const) {
    const session = await openSession(engine, graph);
    const [outputs] = await session.run([inputs]);
    answers.push(outputs.map((bytes) => Buffer.from(bytes).toString('hex')).join());
    session.close();
  }
  assert.is(answers[1], answers[0]);
}

test.run();
