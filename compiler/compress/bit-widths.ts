/**
 * Bit widths of weights by layer from a model of the noise: Lin, Talathi, Annapureddy 2016, "Fixed Point Quantization of Deep
 * Convolutional Networks", section 4. Signal-to-quantization-noise ratios combine as 1/g_out = sum of 1/g_layer, each bit
 * gives kappa decibels, and so the best widths differ by 10 log10(rho_j / rho_i) / kappa, rho being what a bit of the layer
 * costs: its number of weights.
 */

/** Decibels per bit of a uniform quantizer of its best step: normally distributed weights (section 3.2). */
export const DECIBELS_PER_BIT = 5;

export interface WidthLayer {
  readonly name: string;
  readonly weights: number;
}

export interface WidthGoal {
  /** Most bytes of all weights together at their widths. */
  readonly bytes?: number;
  /** Least ratio at the output, in decibels, that quantized weights may leave. */
  readonly decibels?: number;
  readonly least: number;
  readonly most: number;
}

export interface Widths {
  readonly bits: Readonly<Record<string, number>>;
  /** Bytes at these widths. */
  readonly bytes: number;
  /** The ratio that the model predicts. */
  readonly decibels: number;
}

/** The ratio that the model predicts for widths of the layers. */
export function predictedDecibels(bits: readonly number[]): number {
  return -10 * Math.log10(bits.reduce((noise, width) => noise + 10 ** ((-DECIBELS_PER_BIT * width) / 10), 0));
}

function bytesOf(layers: readonly WidthLayer[], bits: readonly number[]): number {
  return layers.reduce((bytes, { weights }, i) => bytes + Math.ceil((weights * bits[i]) / 8), 0);
}

/** Throws RangeError where no widths between `least` and `most` reach the goal, with what is within reach. */
export function allocateWidths(layers: readonly WidthLayer[], { bytes, decibels, least, most }: WidthGoal): Widths {
  const widthsAt = (level: number) =>
    layers.map(({ weights }) => {
      const width = Math.round(level - (10 * Math.log10(Math.max(weights, 1))) / DECIBELS_PER_BIT);
      return Math.min(Math.max(width, least), most);
    });
  // Levels at which some layer's width changes, from the narrowest widths to the widest.
  const offsets = layers.map(({ weights }) => (10 * Math.log10(Math.max(weights, 1))) / DECIBELS_PER_BIT);
  const levels = offsets.flatMap((offset) =>
    Array.from({ length: most - least + 1 }, (_, i) => offset + least + i - 0.5 + 1e-9),
  );
  const candidates = [Number.NEGATIVE_INFINITY, ...levels.sort((a, b) => a - b)].map((level) =>
    widthsAt(Math.max(level, -1e6)),
  );
  const fits = (bits: readonly number[]) =>
    (bytes === undefined || bytesOf(layers, bits) <= bytes) &&
    (decibels === undefined || predictedDecibels(bits) >= decibels);
  // Bytes: as wide as they allow. Decibels alone: as narrow as they allow.
  const found = bytes === undefined ? candidates.find(fits) : candidates.findLast(fits);
  if (found === undefined) throw new RangeError(unreachable(layers, candidates, { bytes, decibels, least, most }));
  return {
    bits: Object.fromEntries(layers.map(({ name }, i) => [name, found[i]])),
    bytes: bytesOf(layers, found),
    decibels: predictedDecibels(found),
  };
}

function unreachable(
  layers: readonly WidthLayer[],
  candidates: readonly (readonly number[])[],
  { bytes, decibels, least, most }: { [K in keyof WidthGoal]: WidthGoal[K] | undefined },
): string {
  const [first, last] = [candidates[0], candidates.at(-1) as readonly number[]];
  const wanted = [
    ...(bytes === undefined ? [] : [`at most ${bytes} bytes`]),
    ...(decibels === undefined ? [] : [`at least ${decibels} dB`]),
  ];
  return (
    `expected ${wanted.join(' and ')} of weights of ${least} to ${most} bits, found ${bytesOf(layers, first)} bytes and ` +
    `${predictedDecibels(first).toFixed(1)} dB at the narrowest, ${bytesOf(layers, last)} bytes and ` +
    `${predictedDecibels(last).toFixed(1)} dB at the widest`
  );
}
