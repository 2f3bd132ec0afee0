/** Widths of weights by layer from measured sensitivity, under a budget of bytes, of noise, or of accuracy. */
import { z } from 'zod';
import { defineMethod, type MethodContext } from './method.ts';
import { CompressError, quantizeOptions, weightBits } from './quantize/options.ts';
import { greedyWidths, type MixedWidths, measureSensitivity } from './sensitivity.ts';

const options = z
  .strictObject({
    /** Most bytes of all weights at their widths. */
    bytes: z.int().min(1).optional(),
    /** Least signal-to-quantization-noise ratio of the outputs, in decibels, if the layers' noises add up. */
    decibels: z.number().optional(),
    /** How much the metric may fall below that of the widest weights; needs labels. */
    maxLoss: z.number().min(0).optional(),
    /** Widths to choose from. Weights of 16 bits have no kernel; a layer that needs them is one for keep-sensitive. */
    widths: z.array(weightBits).min(2).default([8, 4]),
    samples: z.int().min(1).max(4096).default(4),
    weights: quantizeOptions.shape.weights,
  })
  .refine(
    (given) => [given.bytes, given.decibels, given.maxLoss].filter((goal) => goal !== undefined).length === 1,
    'expected one of bytes, decibels and maxLoss',
  )
  .refine(({ widths }) => new Set(widths).size === widths.length, 'expected different widths');
type Options = z.infer<typeof options>;

export const mixedPrecision = defineMethod<Options>({
  name: 'mixed-precision',
  doc: 'float layers → widths for quantize, narrow where that adds least noise to the outputs per byte saved, up to the budget.',
  lossy: {
    method: 'mixed precision by measured sensitivity',
    paper:
      'Pandey, Nagel, van Baalen, Huang, Patel, Blankevoort 2023, "A Practical Mixed Precision Algorithm for Post-Training Quantization"',
    needs: 'calibration',
  },
  stage: 'float',
  options,
  apply: async (state, given, context) => {
    const layers = await measureSensitivity(state.graph, context.samples, {
      widths: given.widths,
      samples: given.samples,
      weights: given.weights,
      scales: 'any',
      ...(context.tapsFor === undefined ? {} : { tapsFor: context.tapsFor }),
    });
    const path = greedyWidths(layers, given.widths);
    const score = scorer(context, async (bits) => (await context.quantizeWith(state, bits)).graph);
    const choice = await chosenWidths(path, given, score);
    const narrow = Object.entries(choice.bits).filter(([, bits]) => bits < Math.max(...given.widths));
    const notes = [
      `${choice.bytes} bytes of weights at their widths, ${(-10 * Math.log10(choice.noise)).toFixed(1)} dB expected`,
      ...narrow.map(([name, bits]) => `%${name}: ${bits} bits`),
    ];
    return { state: { ...state, layerBits: { ...state.layerBits, ...choice.bits } }, notes };
  },
});

type Score = (choice: MixedWidths) => Promise<number>;

function scorer(
  { evaluate }: MethodContext,
  quantize: (bits: MixedWidths['bits']) => Promise<Parameters<NonNullable<MethodContext['evaluate']>>[0]>,
): Score {
  return async ({ bits }) => {
    if (evaluate === undefined) {
      throw new CompressError('mixed-precision: maxLoss needs a metric: pass data with labels');
    }
    return await evaluate(await quantize(bits));
  };
}

/** The narrowest widths on the path that the budget allows. Throws CompressError when not even the widest do. */
async function chosenWidths(path: readonly MixedWidths[], given: Options, score: Score): Promise<MixedWidths> {
  const { bytes, decibels, maxLoss } = given;
  const [widest, narrowest] = [path[0], path.at(-1) as MixedWidths];
  if (maxLoss !== undefined) return await withinLoss(path, maxLoss, score);
  if (bytes !== undefined) {
    const found = path.find((choice) => choice.bytes <= bytes);
    if (found !== undefined) return found;
    throw new CompressError(
      `mixed-precision: expected at most ${bytes} bytes of weights, found ${narrowest.bytes} at ${Math.min(...given.widths)} bits`,
    );
  }
  const noise = 10 ** (-(decibels as number) / 10);
  const found = path.findLast((choice) => choice.noise <= noise);
  if (found !== undefined) return found;
  const best = (-10 * Math.log10(widest.noise)).toFixed(1);
  throw new CompressError(
    `mixed-precision: expected at least ${decibels} dB, found ${best} at ${Math.max(...given.widths)} bits`,
  );
}

/** Bisection along the path, on which the metric falls but for chance: the last choice that was seen to be good enough. */
async function withinLoss(path: readonly MixedWidths[], maxLoss: number, score: Score): Promise<MixedWidths> {
  const least = (await score(path[0])) - maxLoss;
  let [good, bad] = [0, path.length];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if ((await score(path[middle])) >= least) good = middle;
    else bad = middle;
  }
  return path[good];
}
