/**
 * Instructions of one inference on emulated cores, counted exactly: no more than a share of what tflite-micro with CMSIS-NN
 * executes, as the cost model predicts them, and in the flash and RAM that are promised.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Core, type Measured, measure } from '../../bench/cortex-m/measure.ts';
import { PEERS, type PeerModel } from '../../bench/cortex-m/peers.ts';
import { beyondWeights } from '../../bench/cortex-m/report.ts';
import { simplify } from '../../compiler/compile.ts';
import type { Optimize } from '../../compiler/lower/kernel.ts';
import { reportModel } from '../../compiler/report/model-report.ts';
import { TARGETS } from '../../compiler/targets/index.ts';
import { canRun, goldens, hasShared, importShared } from '../support/golden.ts';

/** Of the peer's instructions; `mean` is the geometric one of all models but vww. */
const SHARES: Readonly<Partial<Record<Core, { mean: number; each: number; peer: 'm3' | 'm4' | 'm55' }>>> = {
  'cortex-m4': { mean: 0.5, each: 0.6, peer: 'm4' },
  'cortex-m55': { mean: 0.5, each: 0.65, peer: 'm55' },
  'cortex-m3': { mean: 0.6, each: 0.6, peer: 'm3' },
};
const MODELS = ['kws', 'ic', 'ad', 'strww', 'person', 'micro_speech', 'vww'] as const satisfies readonly PeerModel[];
const VWW_SHARE = 0.3;
const M0PLUS_PER_MAC = 6;
/** Of predicted instructions, either way. */
const PREDICTION = 0.1;

const test = suite('counts on cores');
const known = new Map<string, Measured>();

function measured(model: PeerModel, core: Core, optimize: Optimize = 'speed'): Measured {
  const key = `${model} ${core} ${optimize}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const { inputs, outputs } = goldens(model, 1);
  const graph = simplify(importShared(model).graph);
  const result = measure({ graph, core, optimize, inputs: inputs[0] as readonly Uint8Array[] });
  assert.equal(result.outputs, outputs[0], `${key}: another output than the recorded one`);
  known.set(key, result);
  return result;
}

const again = (model: string, core: string) =>
  `npm run bench:cortex-m -- --models ${model} --cores ${core} --functions`;

if (hasShared('counts on cores')) {
  for (const [core, { mean, each, peer }] of Object.entries(SHARES) as [Core, NonNullable<(typeof SHARES)[Core]>][]) {
    if (!canRun(core, `counts on ${core}`)) continue;
    for (const model of MODELS) {
      const bar = model === 'vww' ? Math.min(each, VWW_SHARE) : each;
      test(`${model} on ${core}: at most ${bar} of the peer's instructions`, () => {
        const share = measured(model, core).instructions / PEERS[model][peer];
        assert.ok(share <= bar, `${share.toFixed(3)}; see ${again(model, core)}`);
      });
    }
    test(`${core}: at most ${mean} of the peer's instructions in the mean`, () => {
      const shares = MODELS.filter((model) => model !== 'vww').map(
        (model) => measured(model, core).instructions / PEERS[model][peer],
      );
      const found = Math.exp(shares.reduce((sum, share) => sum + Math.log(share), 0) / shares.length);
      console.log(`${core}: ${found.toFixed(3)} of the peer's instructions in the mean`);
      assert.ok(found <= mean, `${found.toFixed(3)}`);
    });
  }

  if (canRun('cortex-m4', 'predicted instructions')) {
    for (const model of [...MODELS, 'hello'] as const) {
      test(`${model} on cortex-m4: predicted within ${100 * PREDICTION} %`, () => {
        const graph = simplify(importShared(model).graph);
        const { program, plan, instructions } = measured(model, 'cortex-m4');
        const { predictedInstructions } = reportModel(graph, { program, plan }, TARGETS['cortex-m4']);
        const ratio = predictedInstructions / instructions;
        console.log(`${model}: predicted ${predictedInstructions}, counted ${instructions}`);
        assert.ok(Math.abs(ratio - 1) <= PREDICTION, `${ratio.toFixed(3)}; see ${again(model, 'cortex-m4')}`);
      });
    }
    for (const [model, cycles] of MODELS.flatMap((name) => {
      const { published } = PEERS[name] as { published?: number };
      return published === undefined ? [] : [[name, published] as const];
    })) {
      test(`${model} on cortex-m4: fewer modelled cycles than the best published`, () => {
        assert.ok(measured(model, 'cortex-m4').cycles < cycles, `${measured(model, 'cortex-m4').cycles} of ${cycles}`);
      });
    }
  }

  if (canRun('cortex-m0plus', 'instructions per MAC')) {
    test(`ic on cortex-m0plus: below ${M0PLUS_PER_MAC} instructions per MAC`, () => {
      const perMac = measured('ic', 'cortex-m0plus').instructions / PEERS.ic.macs;
      assert.ok(perMac < M0PLUS_PER_MAC, `${perMac.toFixed(2)}; see ${again('ic', 'cortex-m0plus')}`);
    });
  }

  if (canRun('cortex-m4', 'flash beyond weights')) {
    for (const [optimize, bars] of Object.entries({
      speed: { kws: 20, ic: 20, ad: 20, strww: 20, micro_speech: 20, hello: 20, vww: 20, person: 20 },
      size: { kws: 6, ic: 6, ad: 6, strww: 6, micro_speech: 6, hello: 6, vww: 8, person: 15 },
    }) as [Optimize, Partial<Record<PeerModel, number>>][]) {
      for (const [model, kibibytes] of Object.entries(bars) as [PeerModel, number][]) {
        test(`${model} on cortex-m4 for ${optimize}: at most ${kibibytes} KB of flash beyond weights`, () => {
          const bytes = beyondWeights(measured(model, 'cortex-m4', optimize));
          assert.ok(bytes <= kibibytes * 1024, `${bytes} bytes; see ${again(model, 'cortex-m4')}`);
        });
      }
    }
  }
}

test.run();
