/**
 * How a depthwise convolution walks over the plane of one channel.
 *
 * The plane lies in scratch memory as lines of halfwords, rows or columns of the image, whichever need fewer pairs of
 * outputs. Lines are as long as the outputs need, padding included. A plane beyond `SCRATCH_BYTES` is worked off in bands
 * of lines: what the next band reads too moves to the front.
 */
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import { type Axis, axisOf, reach } from '../../axis.ts';

export interface PlanePlan {
  /** Outputs are computed in pairs along a line. */
  readonly along: Axis;
  /** From line to line. */
  readonly across: Axis;
  /** Words of a line. */
  readonly words: number;
  /** Words from one line to the next. */
  readonly pitch: number;
  readonly bands: number;
  /** Lines of outputs of one band; the last band may have fewer. */
  readonly bandOutputs: number;
  /** Lines in scratch memory. */
  readonly lines: number;
  /** Lines that one band shares with the next, if there is one. */
  readonly kept: number;
}

const SCRATCH_BYTES = 2048;
/** Lines up to this long lie this far apart: layers that share their code find neighbouring lines at constant distances. */
const USUAL_PITCH = 32;

export function planPlane(g: WindowGeometry): PlanePlan {
  const [vertical, horizontal] = [axisOf(g, 0), axisOf(g, 1)];
  const steps = (along: Axis, across: Axis) => across.output * ((along.output + 1) >> 1);
  const isUpright = steps(vertical, horizontal) < steps(horizontal, vertical);
  const [along, across] = isUpright ? [vertical, horizontal] : [horizontal, vertical];
  // As if the last output had a neighbour.
  const words = (reach(along, along.output + (along.output > 1 ? along.output % 2 : 0)) + 1) >> 1;
  const pitch = Math.max(USUAL_PITCH, words);
  const room = Math.max(1, Math.floor(SCRATCH_BYTES / (4 * pitch)));
  const most = Math.max(1, Math.floor((room - reach(across, 1)) / across.stride) + 1);
  const bands = Math.ceil(across.output / most);
  const bandOutputs = Math.ceil(across.output / bands);
  const lines = reach(across, bandOutputs);
  const kept = Math.max(0, lines - bandOutputs * across.stride);
  return { along, across, words, pitch, bands, bandOutputs, lines, kept };
}

/**
 * Whether every pixel's place may be written when its band is computed: the channel's inputs that it covers have been
 * read. Pixels of input and output lie equally far from each other.
 */
export function readsAhead({ along, across, bands, bandOutputs, lines }: PlanePlan, g: WindowGeometry): boolean {
  const isRows = across.inputStep >= along.inputStep && along.inputStep === 1;
  for (let band = 0; band < bands; band++) {
    const written = Math.min((band + 1) * bandOutputs, across.output);
    const read = Math.max(0, Math.min(across.input, band * bandOutputs * across.stride - across.before + lines));
    if (isRows ? written * g.output.width > read * g.input.width : !columnsAhead(g, band, bands, written, read))
      return false;
  }
  return g.output.height * g.output.width <= g.input.height * g.input.width;
}

function columnsAhead(g: WindowGeometry, band: number, bands: number, written: number, read: number): boolean {
  if (read === g.input.width) return true;
  return band < bands && g.output.width === g.input.width && written <= read;
}

/** One multiplication of two halfwords, or two of four. */
export interface LineStep {
  /** Which output of the pair. */
  readonly output: 0 | 1;
  /** Word of the line, from the first output's first element. */
  readonly word: number;
  /** The taps that meet the word's low and high halfword. */
  readonly low: number | undefined;
  readonly high: number | undefined;
}

/** The multiplications of a line of taps for neighbouring outputs, in the order of the words. */
export function lineSteps({ window, stride, dilation }: Axis, outputs: 1 | 2): readonly LineStep[] {
  const steps = new Map<string, LineStep>();
  for (let output = 0; output < outputs; output++) {
    for (let tap = 0; tap < window; tap++) {
      const element = output * stride + tap * dilation;
      const word = element >> 1;
      const key = `${word} ${output}`;
      const before = steps.get(key) ?? { output: output as 0 | 1, word, low: undefined, high: undefined };
      steps.set(key, element % 2 === 0 ? { ...before, low: tap } : { ...before, high: tap });
    }
  }
  return [...steps.values()].sort((a, b) => a.word - b.word || a.output - b.output);
}

/** Words of two weights each, as pairs of taps, from which every step finds its own. */
export function weightPairs(steps: readonly LineStep[]): readonly (readonly [low: number, high: number | undefined])[] {
  const pairs: (readonly [number, number | undefined])[] = [];
  for (const { low, high } of steps) {
    if (low === undefined || high === undefined) continue;
    if (!pairs.some(([a, b]) => a === low && b === high)) pairs.push([low, high]);
  }
  for (const { low, high } of steps) {
    const tap = low ?? (high as number);
    if (low !== undefined && high !== undefined) continue;
    if (!pairs.some((pair) => pair.includes(tap))) pairs.push([tap, undefined]);
  }
  return pairs;
}

/** Which of the first outputs along an axis read an element, and with which tap. */
export function tapsAt(
  { window, stride, dilation }: Axis,
  element: number,
  outputs: number,
): readonly { readonly output: number; readonly tap: number }[] {
  return Array.from({ length: outputs }, (_, output) => ({
    output,
    tap: (element - output * stride) / dilation,
  })).filter(({ tap }) => Number.isInteger(tap) && tap >= 0 && tap < window);
}
