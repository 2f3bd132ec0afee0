/**
 * Scales for which a factor in single precision is not the factor in double precision, and the difference decides ties:
 * with the other precision every case here has another answer. Which one an operator takes follows no rule.
 */
import type { OpCase } from '../../../support/opcases.ts';
import { constant, ints, opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import { Random } from '../../../support/tflite/random.ts';
import type { OperatorName, OptionsOf } from '../../../support/tflite/schema.ts';

type Type = 'i8' | 'i16';

const FEW = 24;
const every8Bits = Array.from({ length: 256 }, (_, i) => i - 128);
const middle16Bits = Array.from({ length: 400 }, (_, i) => i - 200);
const valuesOf = (type: Type) => (type === 'i8' ? every8Bits : middle16Bits);
/** Narrow enough that products and sums stay where the scales below put the ties. */
const RANGE = { i8: { min: -100, max: 100 }, i16: { min: -300, max: 300 } } as const;

/** All values of int8, the middle ones of int16; scales of input and output. */
function unary<K extends OperatorName>(op: K, type: Type, x: number, y: number, options?: OptionsOf<K>): OpCase {
  const values = op === 'RSQRT' ? every8Bits.slice(1) : valuesOf(type);
  const zero = op === 'RSQRT' ? -128 : 0;
  return opCase(
    `${op.toLowerCase().replaceAll('_', ' ')} ${type}`,
    op,
    [tensor(type, [values.length], x, zero)],
    [tensor(type, [values.length], y, zero)],
    { inputs: [[values]], ...(options === undefined ? {} : { options }) },
  );
}

/** Scales of both operands and of the output; the second operand's values are constants for PRELU. */
function binary(op: OperatorName, type: Type, a: number, b: number, y: number): OpCase {
  const right = tensor(type, [1, FEW], b);
  const slopes = new Random(`slopes of ${op}`).ints(FEW, -127, 127);
  const isPrelu = op === 'PRELU';
  return opCase(
    `${op.toLowerCase().replaceAll('_', ' ')} ${type}`,
    op,
    [tensor(type, isPrelu ? [FEW, FEW] : [FEW, 1], a), isPrelu ? constant(right, slopes) : right],
    [tensor(type, [FEW, FEW], y)],
    { inputs: [RANGE[type], RANGE[type]] },
  );
}

function reduction(op: 'SUM' | 'MEAN', type: Type, x: number, y: number): OpCase {
  return opCase(`${op.toLowerCase()} ${type}`, op, [tensor(type, [80, 5], x), ints(1)], [tensor(type, [80], y)], {
    options: { keep_dims: false },
    inputs: [RANGE[type]],
  });
}

const WEIGHTS = {
  FULLY_CONNECTED: [FEW, 2],
  BATCH_MATMUL: [2, FEW],
  CONV_2D: [FEW, 1, 1, 2],
  DEPTHWISE_CONV_2D: [1, 1, 1, FEW],
} as const;
type Product = keyof typeof WEIGHTS;
const PLAIN = { stride_w: 1, stride_h: 1, padding: 'VALID' } as const;
const OPTIONS: { readonly [K in Product]: OptionsOf<K> } = {
  FULLY_CONNECTED: {},
  BATCH_MATMUL: {},
  CONV_2D: PLAIN,
  DEPTHWISE_CONV_2D: { ...PLAIN, depth_multiplier: 1 },
};

/** Sums of two products (of one for the depthwise convolution); scales of input, weights and output. */
function product<K extends Product>(op: K, type: Type, x: number, w: number, y: number): OpCase {
  const shape: readonly number[] = WEIGHTS[op];
  const depth = op === 'DEPTHWISE_CONV_2D' ? FEW : 2;
  const isImage = op.endsWith('CONV_2D');
  const place = isImage ? [1, 1, FEW] : [FEW];
  const data = new Random(`weights of ${op}`).ints(FEW * 2, -9, 9).slice(
    0,
    shape.reduce((size, n) => size * n, 1),
  );
  const axis = op === 'DEPTHWISE_CONV_2D' ? 3 : 0;
  const weights: Tensor = { ...tensor(op === 'BATCH_MATMUL' ? type : 'i8', shape, w), data };
  const scale = Array.from({ length: FEW }, () => w);
  const perChannel: Tensor = { ...weights, scale, zeroPoint: scale.map(() => 0), axis };
  return opCase(
    `${op.toLowerCase().replaceAll('_', ' ')} ${type}`,
    op,
    [tensor(type, [...place, depth], x), isImage ? perChannel : weights],
    [tensor(type, [...place, FEW], y)],
    { options: OPTIONS[op], inputs: [RANGE[type]] },
  );
}

export const cases: readonly OpCase[] = [
  // Single precision. DIV, too: the ties among its cases in `arithmetic.ts`.
  unary('RELU', 'i8', 0.1667560189962387, 0.17787308990955353),
  unary('RELU', 'i16', 0.06505458056926727, 0.05204366520047188),
  unary('LEAKY_RELU', 'i8', 0.023146146908402443, 0.03174328804016113, { alpha: 0.3 }),
  unary('LEAKY_RELU', 'i16', 0.009759305976331234, 0.006692095659673214, { alpha: 0.3 }),
  unary('HARD_SWISH', 'i8', 0.06143081933259964, 0.08415933698415756),
  unary('ABS', 'i8', 0.31286710500717163, 0.9101588726043701),
  unary('ABS', 'i16', 0.09831945598125458, 0.06839614361524582),
  unary('RSQRT', 'i8', 0.11003559082746506, 0.012183367274701595),
  binary('SUB', 'i8', 0.045195069164037704, 0.24240994453430176, 0.19392795860767365),
  binary('SUB', 'i16', 0.3035147786140442, 0.010675279423594475, 0.1942494511604309),
  // The product of two scales in single precision, its quotient in double.
  product('FULLY_CONNECTED', 'i8', 0.30463069677352905, 0.0026005494873970747, 0.008450210094451904),
  product('FULLY_CONNECTED', 'i16', 0.36370566487312317, 0.07635284960269928, 0.8886388540267944),
  product('BATCH_MATMUL', 'i8', 0.28362706303596497, 0.010376796126365662, 0.053817421197891235),
  product('BATCH_MATMUL', 'i16', 0.31869009137153625, 0.013638723641633987, 0.2781776785850525),
  // Double precision.
  unary('QUANTIZE', 'i8', 0.010036392137408257, 0.10705485194921494),
  unary('QUANTIZE', 'i16', 0.11459378153085709, 0.19300004839897156),
  binary('ADD', 'i8', 0.08101578056812286, 0.2502041757106781, 0.42139649391174316),
  binary('ADD', 'i16', 0.007347680628299713, 0.052332304418087006, 0.07611971348524094),
  binary('MUL', 'i8', 0.08249504864215851, 0.04928174242377281, 0.5203839540481567),
  binary('MUL', 'i16', 0.1651206761598587, 0.0050551434978842735, 0.03052648901939392),
  binary('SQUARED_DIFFERENCE', 'i8', 0.041945621371269226, 0.04195258021354675, 0.17164376378059387),
  binary('SQUARED_DIFFERENCE', 'i16', 0.018881581723690033, 0.00356376264244318, 0.05215292423963547),
  binary('PRELU', 'i8', 0.01648275926709175, 0.05666477233171463, 0.27325931191444397),
  reduction('SUM', 'i8', 0.002546114381402731, 0.0020368914119899273),
  reduction('SUM', 'i16', 0.07703735679388046, 0.05602717027068138),
  reduction('MEAN', 'i8', 0.08243994414806366, 0.09421707689762115),
  reduction('MEAN', 'i16', 0.021501028910279274, 0.01720082387328148),
  product('CONV_2D', 'i8', 0.05890140309929848, 0.11583263427019119, 0.1247580274939537),
  product('CONV_2D', 'i16', 0.0060805631801486015, 0.22388297319412231, 0.17425082623958588),
  product('DEPTHWISE_CONV_2D', 'i8', 0.16161200404167175, 0.30224478244781494, 1.0873630046844482),
  product('DEPTHWISE_CONV_2D', 'i16', 0.03605012595653534, 0.03742998465895653, 0.17271752655506134),
];
