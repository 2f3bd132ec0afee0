/** All methods of post-training compression, by the name that recipes use. */
import { z } from 'zod';
import { typeOfValue, type ValueName } from '../../ir/tensor/graph.ts';
import { elementCount } from '../../ir/tensor/types.ts';
import { correctBiases } from './bias-correction.ts';
import { allocateWidths } from './bit-widths.ts';
import { equalize } from './equalize.ts';
import { layersOf } from './layers.ts';
import { type Applied, type Compression, defineMethod, type Method, type MethodContext } from './method.ts';
import { mixedPrecision } from './mixed-precision.ts';
import { CompressError, quantizeOptions, weightBits } from './quantize/options.ts';
import { type Quantized, quantizeGraph } from './quantize/quantize.ts';
import { type RoundOptions, roundWeights } from './round/round-weights.ts';
import { adaround, gptq } from './round/rounders.ts';
import { measureSensitivity, mostSensitive } from './sensitivity.ts';

const samplesOption = z.int().min(1).max(4096);

const equalizeMethod = defineMethod({
  name: 'equalize',
  doc: 'layer, relu or pool or mean, layer → the same with channels of the first scaled down and weights of the second up, when nothing else reads between.',
  lossy: {
    method: 'cross-layer equalization',
    paper:
      'Nagel, van Baalen, Blankevoort, Welling 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction"',
    needs: 'nothing',
  },
  stage: 'float',
  options: z.strictObject({}),
  apply: async (state) => {
    const { graph, pairs, refused } = equalize(state.graph);
    const notes = [
      ...pairs.map(({ first, second }) => `%${first.name} against %${second.name}`),
      ...refused.map(({ name, reason }) => `not %${name}: ${reason}`),
    ];
    return { state: { ...state, graph }, notes };
  },
});

const bitWidthsOptions = z
  .strictObject({
    /** Most bytes of all weights at their widths. */
    bytes: z.int().min(1).optional(),
    /** Least signal-to-quantization-noise ratio that weights may leave at the output, in decibels. */
    decibels: z.number().optional(),
    least: weightBits.default(2),
    most: weightBits.default(8),
  })
  .refine(({ bytes, decibels }) => bytes !== undefined || decibels !== undefined, 'expected bytes or decibels')
  .refine(({ least, most }) => least <= most, 'expected least not above most');

const bitWidthsMethod = defineMethod<z.infer<typeof bitWidthsOptions>>({
  name: 'bit-widths',
  doc: 'float layers → widths for quantize, larger layers narrower, so that together they fit the bytes or reach the ratio.',
  lossy: {
    method: 'optimal fixed-point bit widths by SQNR',
    paper: 'Lin, Talathi, Annapureddy 2016, "Fixed Point Quantization of Deep Convolutional Networks"',
    needs: 'nothing',
  },
  stage: 'float',
  options: bitWidthsOptions,
  apply: async (state, { bytes, decibels, least, most }) => {
    const layers = layersOf(state.graph)
      .filter(({ weights }) => typeOfValue(state.graph, weights).dtype === 'f32')
      .map(({ name, weights }) => ({ name, weights: elementCount(typeOfValue(state.graph, weights).shape) }));
    const goal = {
      least,
      most,
      ...(bytes === undefined ? {} : { bytes }),
      ...(decibels === undefined ? {} : { decibels }),
    };
    try {
      const widths = allocateWidths(layers, goal);
      const notes = [`${widths.bytes} bytes of weights at their widths, ${widths.decibels.toFixed(1)} dB predicted`];
      return { state: { ...state, layerBits: { ...state.layerBits, ...widths.bits } }, notes };
    } catch (error) {
      if (error instanceof RangeError) throw new CompressError(`bit-widths: ${error.message}`);
      throw error;
    }
  },
});

const keepSensitiveOptions = z.strictObject({
  count: z.int().min(1),
  /** The width of weights at which layers are compared. */
  bits: weightBits.default(8),
  samples: samplesOption.default(4),
  weights: quantizeOptions.shape.weights,
});

const keepSensitiveMethod = defineMethod<z.infer<typeof keepSensitiveOptions>>({
  name: 'keep-sensitive',
  doc: 'float layers → the few whose weights alone, quantized, change the outputs most stay floats.',
  lossy: {
    method: 'partial quantization by measured sensitivity',
    paper:
      'Wu, Judd, Zhang, Isaev, Micikevicius 2020, "Integer Quantization for Deep Learning Inference: Principles and Empirical Evaluation", section 6',
    needs: 'calibration',
  },
  stage: 'float',
  options: keepSensitiveOptions,
  apply: async (state, { count, bits, samples, weights }, context) => {
    const measured = await measureSensitivity(state.graph, context.samples, {
      widths: [bits],
      samples,
      weights,
      scales: 'any',
      ...tapsOf(context),
    });
    const kept = mostSensitive(measured, bits, count);
    const noise = new Map(measured.map((layer) => [layer.name, layer.noise[bits]]));
    const notes = kept.map((name) => `%${name} stays: ${decibelText(noise.get(name) as number)} alone at ${bits} bits`);
    return { state: { ...state, keepFloat: [...state.keepFloat, ...kept] }, notes };
  },
});

function decibelText(noise: number): string {
  return noise === 0 ? 'no difference' : `${(-10 * Math.log10(noise)).toFixed(1)} dB`;
}

/** The engine for graphs as an option, where the user has one. */
function tapsOf({ tapsFor }: MethodContext) {
  return tapsFor === undefined ? {} : { tapsFor };
}

const quantizeMethod = defineMethod<z.infer<typeof quantizeOptions>>({
  name: 'quantize',
  doc: 'f32 graph → integers between quantize and dequantize, when an op has an integer form for its scales; the rest stays floats.',
  lossy: {
    method: 'post-training quantization',
    paper:
      'Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"; Krishnamoorthi 2018, "Quantizing deep convolutional networks for efficient inference"',
    needs: 'calibration',
  },
  stage: 'quantize',
  options: quantizeOptions,
  apply: async (state, options, context) => {
    const given = withDecisions(state, options);
    const quantized = quantizeGraph(state.graph, await context.calibration(state.graph), given);
    const notes = [
      `${quantized.layers.length} layers in integers`,
      ...quantized.kept.map(({ name, op, reason }) => `%${name} (${op}) stays in floats: ${reason}`),
    ];
    return { state: { ...state, graph: quantized.graph, quantized }, notes };
  },
});

/** What earlier methods decided, under what the step itself says. */
export function withDecisions(
  state: Compression,
  options: z.infer<typeof quantizeOptions>,
): z.infer<typeof quantizeOptions> {
  const { weights, keepFloat } = options;
  return {
    ...options,
    keepFloat: [...state.keepFloat, ...keepFloat],
    weights: { ...weights, layerBits: { ...state.layerBits, ...weights.layerBits } },
  };
}

const roundingShape = {
  /** Output positions of each sample whose inputs count, chosen at random. */
  positions: z.int().min(1).max(65536).default(64),
};

async function rounded(
  state: Compression,
  context: MethodContext,
  options: Pick<RoundOptions, 'rounder' | 'positions'>,
): Promise<Applied> {
  const before = state.quantized as Quantized;
  const taps = await context.tapsFor?.(before.float);
  const result = await roundWeights(before, context.samples, {
    ...options,
    seed: context.seed,
    ...(taps === undefined ? {} : { taps }),
  });
  const notes = [
    ...result.rounded.map(
      (layer) => `%${layer.name}: mean square error of its sums ${ratioText(layer.after, layer.before)}`,
    ),
    ...result.skipped.map(({ name, reason }) => `not %${name}: ${reason}`),
  ];
  return { state: { ...state, graph: result.quantized.graph, quantized: result.quantized }, notes };
}

function ratioText(after: number, before: number): string {
  return before === 0 ? 'stays 0' : `times ${(after / before).toFixed(3)}`;
}

const adaroundOptions = z.strictObject({ ...roundingShape, iterations: z.int().min(1).max(100000).default(400) });

const adaroundMethod = defineMethod<z.infer<typeof adaroundOptions>>({
  name: 'adaround',
  doc: 'weights rounded to nearest → each rounded down or up as a layer’s squared error learns, when that is less.',
  lossy: {
    method: 'learned rounding',
    paper:
      'Nagel, Amjad, van Baalen, Louizos, Blankevoort 2020, "Up or Down? Adaptive Rounding for Post-Training Quantization"',
    needs: 'calibration',
  },
  stage: 'quantized',
  options: adaroundOptions,
  apply: (state, { positions, iterations }, context) =>
    rounded(state, context, { positions, rounder: (rounding) => adaround(rounding, iterations) }),
});

const gptqOptions = z.strictObject({ ...roundingShape, damping: z.number().min(0).max(1).default(0.01) });

const gptqMethod = defineMethod<z.infer<typeof gptqOptions>>({
  name: 'gptq',
  doc: 'weights rounded to nearest → rounded one input after another, later ones making up for earlier ones, when that is less error.',
  lossy: {
    method: 'second-order rounding',
    paper:
      'Frantar, Ashkboos, Hoefler, Alistarh 2022, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers"',
    needs: 'calibration',
  },
  stage: 'quantized',
  options: gptqOptions,
  apply: (state, { positions, damping }, context) =>
    rounded(state, context, { positions, rounder: (rounding) => gptq(rounding, damping) }),
});

const correctionOptions = z.strictObject({
  mode: z.enum(['empirical', 'analytic']).default('empirical'),
  samples: samplesOption.default(16),
});

const biasCorrectionMethod = defineMethod<z.infer<typeof correctionOptions>>({
  name: 'bias-correction',
  doc: 'biases of integer layers → less the shift of the mean that quantization makes, as inputs on average show it.',
  lossy: {
    method: 'bias correction',
    paper:
      'Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction"; Finkelstein, Almog, Grobman 2019, "Fighting Quantization Bias With Bias"',
    needs: 'calibration',
  },
  stage: 'quantized',
  options: correctionOptions,
  apply: async (state, { mode, samples }, context) => {
    const result = await correctBiases(state.quantized as Quantized, context.samples, {
      mode,
      samples,
      ...tapsOf(context),
    });
    const text = ({ name, largest }: { name: ValueName; largest: number }) =>
      `%${name}: biases by up to ${Number(largest.toPrecision(3))}`;
    const notes = [
      ...result.corrected.map(text),
      ...result.skipped.map(({ name, reason }) => `not %${name}: ${reason}`),
    ];
    return { state: { ...state, graph: result.quantized.graph, quantized: result.quantized }, notes };
  },
});

export const METHODS = {
  equalize: equalizeMethod,
  'bit-widths': bitWidthsMethod,
  'mixed-precision': mixedPrecision,
  'keep-sensitive': keepSensitiveMethod,
  quantize: quantizeMethod,
  adaround: adaroundMethod,
  gptq: gptqMethod,
  'bias-correction': biasCorrectionMethod,
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof METHODS;
