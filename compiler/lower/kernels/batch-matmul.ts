/** Kernel of batch_matmul. */
import { affine } from '../../../ir/loop/build.ts';
import { matmulAccumulator, matmulGeometry, matmulStage } from '../../../ir/tensor/ops/batch-matmul.ts';
import type { Kernel } from '../kernel.ts';
import { macOf } from '../mac.ts';

const batchMatmulDirect: Kernel<'batch_matmul'> = {
  name: 'batch_matmul',
  doc:
    'for each batch, row and column: acc = 0; for k: acc += a[row, k] * b[k, column]; requantize. One accumulator, two ' +
    'pointers; any transposition, broadcasting and type.',
  applies: () => true,
  build(k) {
    const { inputs, outputs, attrs } = k.site;
    const [aType, bType] = inputs;
    const [yType] = outputs;
    const g = matmulGeometry(aType, bType, attrs);
    const a = k.input(0, 'a');
    const b = k.input(1, 'b');
    const mac = macOf(k, {
      x: aType,
      w: bType,
      y: yType,
      channels: 1,
      depth: g.depth,
      stage: aType.dtype === 'f32' ? undefined : matmulStage(aType, bType, yType, attrs),
      accumulator: matmulAccumulator(aType),
      activation: 'none',
      bias: undefined,
      weights: undefined,
      everyTap: true,
    });
    const y = k.output(0, 'y');
    const names = [...g.batches.map((_, axis) => `n${axis}`), 'row', 'column'];
    k.forAll(names, [...g.batches, g.rows, g.columns], (indices) => {
      const batch = indices.slice(0, -2);
      const [row, column] = indices.slice(-2);
      const start = (strides: readonly number[]) => affine(batch.map((n, axis) => [n, strides[axis]] as const));
      const from = k.let('ap', affine([[row, g.a.row]], start(g.a.batches)));
      const other = k.let('bp', affine([[column, g.b.column]], start(g.b.batches)));
      const acc = k.variable('acc', mac.start(0));
      k.for('k', 0, g.depth, (i) => {
        const left = a.at(affine([[i, g.a.depth]], from));
        const right = b.at(affine([[i, g.b.depth]], other));
        k.set(acc, mac.step(acc.value, left, right, 0));
      });
      const strides = g.batches.map((_, axis) =>
        g.batches.slice(axis + 1).reduce((product, extent) => product * extent, g.rows * g.columns),
      );
      k.store(y, affine([[row, g.columns]], affine([[column, 1]], start(strides))), mac.finish(acc.value, 0));
    });
  },
};

export const BATCH_MATMUL_KERNELS = { batch_matmul: [batchMatmulDirect] } as const;
