import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { dataFromBytes } from '../../../../ir/tensor/bytes.ts';
import { opRecord } from '../../../../ir/tensor/ops/index.ts';
import type { Tensor, TensorType } from '../../../../ir/tensor/types.ts';
import { casesOf, evaluated, evaluationFault, graphOf, type LoadedCase } from '../../../support/cases.ts';

const suite = makeSuite('compressed weights');
const AGAIN = 'node --import ./tools/ts.mjs tests/ir/tensor/ops/compressed.test.ts';
const cases = await casesOf(['compressed']);
const isHybrid = ({ case: { name } }: LoadedCase) => name.startsWith('hybrid');
const isInteger = ({ case: { name } }: LoadedCase) => name === 'sparse i8 layer';

suite('weights behind DEQUANTIZE and DENSIFY give the recorded answers', () => {
  const exact = cases.filter((loaded) => !isHybrid(loaded) && !isInteger(loaded));
  for (const loaded of exact) assert.is(evaluationFault(loaded), undefined, `${loaded.case.name}: ${AGAIN}`);
  assert.is(exact.length, 9);
});

suite('a sparse int8 layer is within one step: its reference scales by a double, not in fixed point', () => {
  const [loaded] = cases.filter(isInteger) as [LoadedCase];
  evaluated(graphOf(loaded), loaded).forEach(([found], run) => {
    const expected = new Int8Array((loaded.golden[run] as readonly Uint8Array[])[0].slice().buffer);
    const steps = Array.from(new Int8Array((found as Uint8Array).slice().buffer), (y, i) =>
      Math.abs(y - (expected[i] as number)),
    );
    assert.ok(Math.max(...steps) <= 1, `run ${run}: ${steps}: ${AGAIN}`);
  });
});

/** The largest error that rounding the inputs of a hybrid layer to 255 steps can make, over all of its outputs. */
function hybridBound(
  x: Tensor,
  w: Tensor,
  y: TensorType,
  op: 'conv2d' | 'depthwise_conv2d' | 'fully_connected',
  attrs: unknown,
): number {
  const least = Math.min(0, ...Array.from(x.data, Number));
  const most = Math.max(0, ...Array.from(x.data, Number));
  const halfStep = (2 * Math.max(-least, most)) / 254 / 2;
  const magnitudes = { ...w, data: Int8Array.from(w.data as Int8Array, Math.abs) };
  const ones = { ...x, data: new Float32Array(x.data.length).fill(halfStep) };
  const [sums] = opRecord(op).evaluate({ inputs: [ones, magnitudes], outputs: [y], attrs });
  return Math.max(...Array.from(sums as Float32Array));
}

suite('hybrid layers are as far from the recorded answers as the 8-bit inputs of those explain', () => {
  const hybrids = cases.filter(isHybrid);
  assert.is(hybrids.length, 3);
  for (const loaded of hybrids) {
    const graph = graphOf(loaded);
    const node = graph.nodes[0] as (typeof graph.nodes)[number];
    const [xType, wType] = node.inputs.map((name) => graph.types.get(name) as TensorType) as [TensorType, TensorType];
    const y = graph.types.get(graph.outputs[0] as string) as TensorType;
    const w = { type: wType, data: graph.constants.get(node.inputs[1] as string)?.data } as Tensor;
    const op = node.op as Parameters<typeof hybridBound>[3];
    const bounds = loaded.inputs.map(([bytes]) => {
      const x = { type: xType, data: dataFromBytes(xType, bytes as Uint8Array) };
      return hybridBound(x, w, y, op, node.attrs);
    });
    const absolute = Math.max(...bounds) + 1e-5;
    assert.is(evaluationFault(loaded, { relative: 0, absolute }), undefined, `${loaded.case.name}: ${AGAIN}`);
  }
});

suite.run();
