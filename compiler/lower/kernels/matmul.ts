/** Kernels of matrix products. */
import { affine } from '../../../ir/loop/build.ts';
import type { Expr } from '../../../ir/loop/types.ts';
import { fullyConnectedStage } from '../../../ir/tensor/ops/matmul.ts';
import { biasValues } from '../../../ir/tensor/ops/shared.ts';
import { elementCount, type TensorType } from '../../../ir/tensor/types.ts';
import type { Kernel } from '../kernel.ts';
import { macOf } from '../mac.ts';

const fullyConnectedDirect: Kernel<'fully_connected'> = {
  name: 'fully_connected',
  doc: 'for each row and unit: acc = bias; for i: acc += x[row, i] * w[unit, i]; requantize. One accumulator, two pointers.',
  applies: () => true,
  build(k) {
    const { inputs, outputs, attrs, constant } = k.site;
    const [xType, wType, biasType] = inputs as [TensorType, TensorType, TensorType | undefined];
    const yType = outputs[0] as TensorType;
    const [units, depth] = wType.shape as [number, number];
    const weights = constant(1)?.data as ArrayLike<number> | undefined;
    const biasConstant = constant(2);
    const x = k.input(0, 'x');
    const w = k.input(1, 'w');
    const runtimeBias = biasType !== undefined && biasConstant === undefined ? k.input(2, 'bias') : undefined;
    const mac = macOf(
      k,
      {
        x: xType,
        w: wType,
        y: yType,
        channels: units,
        depth,
        stage: xType.dtype === 'f32' ? undefined : fullyConnectedStage(xType, wType, yType, attrs),
        accumulator: attrs.accumulator,
        activation: attrs.activation,
        bias: biasType && biasConstant ? biasValues({ type: biasType, data: biasConstant.data }, units) : undefined,
        weights:
          weights === undefined
            ? undefined
            : function* (channel) {
                for (let i = 0; i < depth; i++) yield weights[channel * depth + i] as number;
              },
        everyTap: true,
      },
      runtimeBias,
    );
    const y = k.output(0, 'y');
    k.forAll(['row', 'unit'], [elementCount(xType.shape) / depth, units], ([row, unit]) => {
      const acc = k.variable('acc', mac.start(unit as Expr));
      k.for('i', 0, depth, (i) => {
        const xv = x.at(affine([[row as Expr, depth]], i));
        const wv = w.at(affine([[unit as Expr, depth]], i));
        k.set(acc, mac.step(acc.value, xv, wv, unit as Expr));
      });
      k.store(y, affine([[row as Expr, units]], unit as Expr), mac.finish(acc.value, unit as Expr));
    });
  },
};

export const MATMUL_KERNELS = { fully_connected: [fullyConnectedDirect] } as const;
