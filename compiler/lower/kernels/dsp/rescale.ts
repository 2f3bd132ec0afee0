/**
 * Products of bytes and changes of scale in few instructions. One rounded product (SMMLAR and a saturation) where it is
 * proved equal to the reference's two roundings for every value when the kernel is built, the short form of both roundings
 * elsewhere. What becomes of one byte is looked up.
 */
import { op, sub } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import { productStage } from '../../../../ir/tensor/ops/binary.ts';
import { opRecord } from '../../../../ir/tensor/ops/index.ts';
import { requantizeStage } from '../../../../ir/tensor/ops/quant.ts';
import { finish, type OutputStage } from '../../../../ir/tensor/ops/shared.ts';
import {
  affineOf,
  DTYPE_FACTS,
  elementCount,
  integerRange,
  newData,
  type TensorData,
  type TensorType,
} from '../../../../ir/tensor/types.ts';
import { buildElementwise, folded, replaceable, spreadInput } from '../../elementwise.ts';
import { elemOf, type Kernel, type KernelBuilder, type Site } from '../../kernel.ts';
import { elementwiseOverlap } from '../../overlap.ts';
import { shortScale } from '../../proved-scale.ts';
import { clampTo } from '../../requantize.ts';
import { fitProduct, type Interval } from '../../short-formula.ts';
import { roundedProduct } from './byte-sums.ts';
import { forElements } from './elements.ts';

/** Spells what becomes of a distance from the zero point, or the product of two. */
type Formula = (k: KernelBuilder, x: Expr) => Expr;

/** Distances of stored values from their zero point. */
function distances(type: TensorType): Interval {
  const [low, high] = integerRange(type.dtype);
  const { zeroPoint } = affineOf(type);
  return { low: low - zeroPoint, high: high - zeroPoint };
}

function formulaOf(stage: OutputStage, domain: Interval): Formula | string {
  const { low, high, zeroPoint } = stage;
  const once = fitProduct((x) => finish(x, 0, stage, 'i32'), domain, zeroPoint, { low, high });
  if (once !== undefined) return (_, x) => clampTo(roundedProduct(x, once), low, high);
  const twice = shortScale(stage, [domain]);
  if (typeof twice === 'string') return twice;
  const [multiplier, power] = twice.factors(0);
  return (k, x) => twice.apply(k, op('i32.shl', [x, 1]), multiplier, power);
}

function productFormula({ inputs, outputs, attrs, target }: Site<'mul'>): Formula | string {
  const [a, b] = inputs as [TensorType, TensorType];
  if (!target.dsp) return 'needs rounded high multiplies';
  if (a.dtype !== 'i8' && a.dtype !== 'u8') return `not for ${a.dtype}`;
  const [p, q] = [distances(a), distances(b)];
  const corners = [p.low * q.low, p.low * q.high, p.high * q.low, p.high * q.high];
  const domain = { low: Math.min(...corners), high: Math.max(...corners) };
  return formulaOf(productStage([a, b], outputs[0] as TensorType, attrs), domain);
}

const product: Kernel<'mul'> = {
  name: 'mul_bytes',
  doc: 'for each element: y = (a - zero) * (b - zero) * factor, rounded once and saturated. Two elements at a time; three pointers.',
  applies: (site) => {
    const formula = productFormula(site);
    return typeof formula === 'string' ? formula : true;
  },
  inPlace: (site) => replaceable(site as unknown as Site),
  overlap: (site) => elementwiseOverlap(site as unknown as Site),
  build(builder) {
    const k = builder as unknown as KernelBuilder;
    const formula = productFormula(builder.site) as Formula;
    const zeros = k.site.inputs.map((type) => affineOf(type).zeroPoint);
    const operands = [spreadInput(k, 0, 'a'), spreadInput(k, 1, 'b')] as const;
    const y = k.output(0, 'y');
    const count = elementCount((k.site.outputs[0] as TensorType).shape);
    const distance = (x: Expr, i: number) => sub(x, zeros[i] as number);
    if (operands.some(({ shape }) => elementCount(shape) !== count)) {
      buildElementwise(k, operands, y, {
        prepare: distance,
        combine: ([a, b]) => formula(k, folded('i32.mul', [a as Expr, b as Expr])),
      });
      return;
    }
    forElements(k, count, (index) => {
      const [a, b] = operands.map((operand, i) => k.let(i === 0 ? 'a' : 'b', operand.at(index))) as [Expr, Expr];
      return () => k.store(y, index, formula(k, op('i32.mul', [distance(a, 0), distance(b, 1)])));
    });
  },
};

function scaleFormula({ inputs, outputs, target }: Site<'requantize'>): Formula | string {
  const x = inputs[0] as TensorType;
  if (!target.dsp) return 'needs rounded high multiplies';
  if (x.dtype !== 'i16') return `not for ${x.dtype}`;
  return formulaOf(requantizeStage(x, outputs[0] as TensorType), distances(x));
}

const rescale: Kernel<'requantize'> = {
  name: 'requantize_short',
  doc: 'for each element: y = (x - zero) * factor, rounded and saturated. Two elements at a time; two pointers.',
  applies: (site) => {
    const formula = scaleFormula(site);
    return typeof formula === 'string' ? formula : true;
  },
  inPlace: (site) => replaceable(site as unknown as Site),
  overlap: (site) => elementwiseOverlap(site as unknown as Site),
  build(builder) {
    const k = builder as unknown as KernelBuilder;
    const formula = scaleFormula(builder.site) as Formula;
    const type = k.site.inputs[0] as TensorType;
    const x = k.input(0, 'x');
    const y = k.output(0, 'y');
    forElements(k, elementCount(type.shape), (index) => {
      const value = k.let('x', x.at(index));
      return () => k.store(y, index, formula(k, sub(value, affineOf(type).zeroPoint)));
    });
  },
};

/** The op's own evaluation of every stored value of a type of 8 bits. */
function tableOf({ inputs, outputs, attrs }: Site<'requantize'>): { readonly low: number; readonly table: TensorData } {
  const [x, y] = [inputs[0], outputs[0]] as [TensorType, TensorType];
  const [low, high] = integerRange(x.dtype);
  const data = newData(x.dtype, high - low + 1);
  for (let i = 0; i < data.length; i++) data[i] = low + i;
  const shape = [data.length];
  const given = { inputs: [{ type: { ...x, shape }, data }], outputs: [{ ...y, shape }], attrs };
  const [table] = opRecord('requantize').evaluate(given);
  return { low, table: table as TensorData };
}

const lookup: Kernel<'requantize'> = {
  name: 'requantize_table',
  doc: 'for each element: y = table[x], a table of every stored value in flash. Two elements at a time; two pointers.',
  applies: ({ inputs, target }) => {
    const { dtype } = inputs[0] as TensorType;
    if (!target.dsp && target.vector !== 'none') return 'for cores that go element by element';
    return DTYPE_FACTS[dtype].bits === 8 || `not for ${dtype}`;
  },
  inPlace: (site) => replaceable(site as unknown as Site),
  overlap: (site) => elementwiseOverlap(site as unknown as Site),
  build(builder) {
    const k = builder as unknown as KernelBuilder;
    const { low, table } = tableOf(builder.site);
    const x = k.input(0, 'x');
    const values = k.rom('table', elemOf(k.site.outputs[0] as TensorType), table);
    const y = k.output(0, 'y');
    forElements(k, elementCount((k.site.inputs[0] as TensorType).shape), (index) => {
      const value = k.let('x', x.at(index));
      return () => k.store(y, index, values.at(sub(value, low)));
    });
  },
};

export const DSP_RESCALE_KERNELS = { mul: [product], requantize: [lookup, rescale] } as const;
