/** Rounding of the weights of one group of output channels so that what the layer computes changes least. */
import { roundAway } from '../../../ir/tensor/fixed-point.ts';
import type { GroupMoments } from '../moments.ts';
import { NotPositiveError, quadraticForms, timesSymmetric, upperFactor, upperInverse } from './matrix.ts';

/** A group's weights in steps of their grid (real numbers that are to become integers), [rows, depth]. */
export interface Rounding {
  readonly steps: Float64Array;
  /** Integers lie in -most..most. */
  readonly most: number;
  readonly depth: number;
  readonly moments: GroupMoments;
}

function clamped(x: number, most: number): number {
  return Math.min(Math.max(x, -most), most);
}

export function nearest({ steps, most }: Rounding): Float64Array {
  return steps.map((x) => clamped(roundAway(x), most));
}

/** By row: the mean square of (rounded - steps) times the inputs. */
export function roundingErrors({ steps, depth, moments }: Rounding, integers: Float64Array): Float64Array {
  const errors = integers.map((q, i) => q - steps[i]);
  return quadraticForms(errors, moments.products, depth).map((sum) => sum / moments.count);
}

/** Row by row the better of two roundings. */
export function better(rounding: Rounding, a: Float64Array, b: Float64Array): Float64Array {
  const { depth } = rounding;
  const [first, second] = [roundingErrors(rounding, a), roundingErrors(rounding, b)];
  return a.map((q, i) => (second[Math.floor(i / depth)] < first[Math.floor(i / depth)] ? b[i] : q));
}

/** The damped second moments: what GPTQ calls the Hessian, but for a factor. */
function damped({ products, count }: GroupMoments, depth: number, damping: number): Float64Array {
  const h = products.map((sum) => sum / count);
  let mean = 0;
  for (let i = 0; i < depth; i++) mean += h[i * depth + i] / depth;
  for (let i = 0; i < depth; i++) h[i * depth + i] += Math.max(damping * mean, Number.MIN_VALUE);
  return h;
}

/**
 * Frantar, Ashkboos, Hoefler, Alistarh 2022, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
 * Transformers", algorithm 1: weights are rounded one input after another, and those that follow make up for the error as the
 * inverse Hessian says, in the order of the inputs.
 */
export function gptq(rounding: Rounding, damping: number): Float64Array {
  const { steps, most, depth, moments } = rounding;
  const factor = factored(moments, depth, damping);
  const left = Float64Array.from(steps);
  const integers = new Float64Array(steps.length);
  for (let start = 0; start < steps.length; start += depth) {
    for (let j = 0; j < depth; j++) {
      const q = clamped(roundAway(left[start + j]), most);
      integers[start + j] = q;
      const error = (left[start + j] - q) / factor[j * depth + j];
      if (error === 0) continue;
      for (let k = j + 1; k < depth; k++) left[start + k] -= error * factor[j * depth + k];
    }
  }
  return integers;
}

/** U with H^-1 = U^T U. Inputs that are always 0 leave H singular but for the damping, which grows until it is not. */
function factored(moments: GroupMoments, depth: number, damping: number): Float64Array {
  for (let part = damping; ; part = Math.max(part * 10, 1e-6)) {
    try {
      return upperInverse(upperFactor(damped(moments, depth, part), depth), depth);
    } catch (error) {
      // At a part of 1 the diagonal dominates whatever rounding did; all inputs are 0 then.
      if (!(error instanceof NotPositiveError)) throw error;
      if (part > 1) return identity(depth);
    }
  }
}

function identity(n: number): Float64Array {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  return matrix;
}

/** The rectified sigmoid reaches beyond 0 and 1, so that it can get there: AdaRound, section 3.3. */
const ZETA = 1.1;
const GAMMA = -0.1;
/** Weight of the term that drives every choice to 0 or 1, and its exponent, from mild to sharp. */
const LAMBDA = 0.05;
const BETA = [20, 2] as const;
/** Part of the iterations without that term. */
const WARM_UP = 0.2;
const RATE = 0.05;
/** Adam's decay of its averages, and what keeps its divisor from 0. */
const ADAM = { first: 0.9, second: 0.999, least: 1e-8 } as const;

/**
 * Nagel, Amjad, van Baalen, Louizos, Blankevoort 2020, "Up or Down? Adaptive Rounding for Post-Training Quantization": each
 * weight goes down or up by a soft choice that is learned with Adam against the layer's squared error. The error is taken
 * from the second moments of the inputs, so an iteration costs the same for any number of samples. The inputs are those of the
 * float network, and an activation that follows is left out.
 */
export function adaround(rounding: Rounding, iterations: number): Float64Array {
  const { steps, most, depth, moments } = rounding;
  const h = relativeMoments(moments, depth);
  const floors = steps.map((x) => Math.floor(clamped(x, most)));
  const choices = steps.map((x, i) => logit(clamped(x, most) - floors[i]));
  const first = new Float64Array(steps.length);
  const second = new Float64Array(steps.length);
  for (let t = 1; t <= iterations; t++) {
    const part = (t / iterations - WARM_UP) / (1 - WARM_UP);
    const beta = BETA[1] + (BETA[0] - BETA[1]) * 0.5 * (1 + Math.cos(Math.PI * Math.max(part, 0)));
    const errors = steps.map((x, i) => clamped(floors[i] + rectified(choices[i]), most) - x);
    const product = timesSymmetric(errors, h, depth);
    for (let i = 0; i < choices.length; i++) {
      const soft = rectified(choices[i]);
      const slope = rectifiedSlope(choices[i]);
      let gradient = 2 * product[i] * slope;
      if (part > 0) gradient += LAMBDA * regularSlope(soft, beta) * slope;
      first[i] = ADAM.first * first[i] + (1 - ADAM.first) * gradient;
      second[i] = ADAM.second * second[i] + (1 - ADAM.second) * gradient ** 2;
      const mean = first[i] / (1 - ADAM.first ** t);
      const spread = Math.sqrt(second[i] / (1 - ADAM.second ** t));
      choices[i] -= (RATE * mean) / (spread + ADAM.least);
    }
  }
  return floors.map((floor, i) => clamped(floor + (rectified(choices[i]) >= 0.5 ? 1 : 0), most));
}

/** Second moments with a mean of 1 on the diagonal, so that one step size fits all layers. */
function relativeMoments({ products }: GroupMoments, depth: number): Float64Array {
  let trace = 0;
  for (let i = 0; i < depth; i++) trace += products[i * depth + i];
  return trace === 0 ? products : products.map((sum) => (sum * depth) / trace);
}

function sigmoid(v: number): number {
  return 1 / (1 + Math.exp(-v));
}

function rectified(v: number): number {
  return Math.min(Math.max(sigmoid(v) * (ZETA - GAMMA) + GAMMA, 0), 1);
}

function rectifiedSlope(v: number): number {
  const s = sigmoid(v);
  const soft = s * (ZETA - GAMMA) + GAMMA;
  return soft <= 0 || soft >= 1 ? 0 : s * (1 - s) * (ZETA - GAMMA);
}

/** The v whose rectified sigmoid is `fraction`. */
function logit(fraction: number): number {
  const s = (fraction - GAMMA) / (ZETA - GAMMA);
  return Math.log(s / (1 - s));
}

/** The derivative of 1 - |2h - 1|^beta. */
function regularSlope(soft: number, beta: number): number {
  const distance = 2 * soft - 1;
  return -2 * beta * Math.sign(distance) * Math.abs(distance) ** (beta - 1);
}
