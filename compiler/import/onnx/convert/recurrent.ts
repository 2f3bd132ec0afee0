/**
 * Recurrent layers, their steps written out: products of the inputs are taken for all steps at once, those of the state
 * step by step. Equal steps share one kernel, so a long sequence costs calls, not code.
 */
import { typeText } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Ops } from '../ops.ts';
import type { Value } from '../values.ts';
import { widened } from './arithmetic.ts';
import { dense } from './matmul.ts';
import { joined } from './slice.ts';

type Activation = (ops: Ops, x: Value) => Value;

/** Name (in lower case) to function of alpha and beta, with their defaults. */
const ACTIVATIONS: Readonly<
  Record<string, { alpha?: number; beta?: number; of: (alpha: number, beta: number) => Activation }>
> = {
  relu: { of: () => (ops, x) => ops.unary('relu', x) },
  tanh: { of: () => (ops, x) => ops.unary('tanh', x) },
  sigmoid: { of: () => (ops, x) => ops.unary('logistic', x) },
  softplus: { of: () => (ops, x) => ops.unary('softplus', x) },
  softsign: { of: () => (ops, x) => ops.div(x, ops.add(ops.f32(1), ops.unary('abs', x))) },
  affine: { alpha: 1, beta: 0, of: (a, b) => (ops, x) => ops.add(ops.mul(ops.f32(a), x), ops.f32(b)) },
  leakyrelu: { alpha: 0.01, of: (alpha) => (ops, x) => ops.one('leaky_relu', [x], { alpha }) },
  thresholdedrelu: {
    alpha: 1,
    of: (alpha) => (ops, x) => ops.select(ops.compare('greater', x, ops.f32(alpha)), x, ops.f32(0)),
  },
  scaledtanh: {
    alpha: 1,
    beta: 1,
    of: (a, b) => (ops, x) => ops.mul(ops.f32(a), ops.unary('tanh', ops.mul(ops.f32(b), x))),
  },
  hardsigmoid: {
    alpha: 0.2,
    beta: 0.5,
    of: (a, b) => (ops, x) => ops.max(ops.f32(0), ops.min(ops.f32(1), ops.add(ops.mul(ops.f32(a), x), ops.f32(b)))),
  },
  elu: { alpha: 1, of: (alpha) => (ops, x) => ops.one('elu', [x], { alpha }) },
};

/** Functions of each direction, in order; parameters are taken from their lists by those functions that have any. */
function activationsOf(node: NodeContext, defaults: readonly string[], directions: number): Activation[][] {
  const { attributes } = node;
  const names = attributes.texts('activations') ?? Array.from({ length: directions }, () => defaults).flat();
  if (names.length !== defaults.length * directions) {
    return node.refuseAttribute('activations', `${defaults.length * directions} names`, `${names.length}`);
  }
  const alphas = attributes.floats('activation_alpha') ?? [];
  const betas = attributes.floats('activation_beta') ?? [];
  const all = names.map((name) => {
    const known = ACTIVATIONS[name.toLowerCase()];
    if (known === undefined) return node.refuseAttribute('activations', Object.keys(ACTIVATIONS).join(', '), name);
    const alpha = known.alpha === undefined ? 0 : (alphas.shift() ?? known.alpha);
    return known.of(alpha, known.beta === undefined ? 0 : (betas.shift() ?? known.beta));
  });
  return Array.from({ length: directions }, (_, i) => all.slice(i * defaults.length, (i + 1) * defaults.length));
}

/** One direction of a layer. */
interface Direction {
  readonly activations: readonly Activation[];
  /** Weights of the state, [gates * hidden, hidden]. */
  readonly recurrence: Value;
  readonly stateBias: Value;
  readonly peepholes: readonly Value[] | undefined;
  readonly hidden: number;
  readonly clip: (x: Value) => Value;
}

interface State {
  readonly h: Value;
  readonly c: Value | undefined;
}

/** `x`: the products of one step's input, [batch, gates * hidden], biases of the input included. */
type Step = (node: NodeContext, x: Value, state: State, direction: Direction) => State;

function gate(node: NodeContext, x: Value, index: number, hidden: number): Value {
  return node.ops.part(x, 1, index * hidden, hidden);
}

const rnnStep: Step = (node, x, { h }, d) => {
  const sum = node.ops.add(x, dense(node, h, d.recurrence, d.stateBias));
  return { h: d.activations[0](node.ops, d.clip(sum)), c: undefined };
};

/** Gates z, r, h. */
const gruStep: Step = (node, x, { h }, d) => {
  const { ops } = node;
  const { hidden } = d;
  const [f, g] = d.activations;
  const linear = node.attributes.flag('linear_before_reset', false);
  const rows = (from: number, count: number) => ops.part(d.recurrence, 0, from * hidden, count * hidden);
  const bias = (from: number, count: number) => ops.part(d.stateBias, 0, from * hidden, count * hidden);
  const gates = dense(node, h, rows(0, 2), bias(0, 2));
  const z = f(ops, d.clip(ops.add(gate(node, x, 0, hidden), gate(node, gates, 0, hidden))));
  const r = f(ops, d.clip(ops.add(gate(node, x, 1, hidden), gate(node, gates, 1, hidden))));
  const past = linear
    ? ops.mul(r, dense(node, h, rows(2, 1), bias(2, 1)))
    : dense(node, ops.mul(r, h), rows(2, 1), bias(2, 1));
  const fresh = g(ops, d.clip(ops.add(gate(node, x, 2, hidden), past)));
  return { h: ops.add(ops.mul(ops.sub(ops.f32(1), z), fresh), ops.mul(z, h)), c: undefined };
};

/** Gates i, o, f, c; peepholes i, o, f. */
const lstmStep: Step = (node, x, { h, c }, d) => {
  const { ops } = node;
  const { hidden, peepholes } = d;
  const [f, g, last] = d.activations;
  const memory = c as Value;
  const sums = ops.add(x, dense(node, h, d.recurrence, d.stateBias));
  const seen = (sum: Value, cell: Value, index: number) =>
    d.clip(peepholes === undefined ? sum : ops.add(sum, ops.mul(peepholes[index], cell)));
  const i = f(ops, seen(gate(node, sums, 0, hidden), memory, 0));
  const forget = node.attributes.flag('input_forget', false)
    ? ops.sub(ops.f32(1), i)
    : f(ops, seen(gate(node, sums, 2, hidden), memory, 2));
  const fresh = g(ops, d.clip(gate(node, sums, 3, hidden)));
  const cell = ops.add(ops.mul(forget, memory), ops.mul(i, fresh));
  const o = f(ops, seen(gate(node, sums, 1, hidden), cell, 1));
  return { h: ops.mul(o, last(ops, cell)), c: cell };
};

interface Layer {
  readonly gates: number;
  readonly defaults: readonly string[];
  readonly step: Step;
  readonly hasCell: boolean;
}

function recurrent(layer: Layer): Converter {
  return (node) => {
    const { ops, attributes } = node;
    const batchFirst = attributes.flag('layout', false);
    const kind = attributes.choice('direction', ['forward', 'reverse', 'bidirectional'], 'forward');
    attributes.ignore('hidden_size', 'output_sequence', 'linear_before_reset', 'input_forget');
    const x = batchFirst ? ops.transpose(node.input(0), [1, 0, 2]) : node.input(0);
    node.expectRank(x, 3, 'a sequence');
    const w = node.input(1);
    const directions = w.type.shape[0];
    if (directions !== (kind === 'bidirectional' ? 2 : 1)) return node.refuse(`weights for ${kind}`, typeText(w.type));
    const activations = activationsOf(node, layer.defaults, directions);
    const runs = activations.map((own, i) => run(node, layer, x, i, own, kind === 'reverse' || i === 1));
    const y = joined(
      node,
      runs.map(({ rows }) => rows),
      1,
    );
    const states = (pick: (end: State) => Value) => {
      const all = joined(
        node,
        runs.map(({ end }) => ops.reshape(pick(end), [1, ...pick(end).type.shape])),
        0,
      );
      return batchFirst ? ops.transpose(all, [1, 0, 2]) : all;
    };
    const ends = [states((end) => end.h), ...(layer.hasCell ? [states((end) => end.c as Value)] : [])];
    return [batchFirst ? ops.transpose(y, [2, 0, 1, 3]) : y, ...ends];
  };
}

/** One direction over all steps: rows [steps, 1, batch, hidden] and the last state. */
function run(
  node: NodeContext,
  layer: Layer,
  x: Value,
  index: number,
  activations: readonly Activation[],
  reverse: boolean,
) {
  const { ops, attributes } = node;
  const [steps, batch, size] = x.type.shape;
  const own = (input: number): Value | undefined => {
    const value = node.optional(input);
    return value && ops.reshape(ops.part(value, 0, index, 1), value.type.shape.slice(1));
  };
  const weights = own(1) as Value;
  const recurrence = own(2) ?? node.refuse('weights of the state', 'none');
  const hidden = recurrence.type.shape[1];
  const width = layer.gates * hidden;
  const bias = own(3) ?? ops.f32(0, [2 * width]);
  const peephole = layer.hasCell ? own(7) : undefined;
  const limit = attributes.has('clip') ? attributes.float('clip', 0) : undefined;
  const direction: Direction = {
    activations,
    recurrence,
    stateBias: ops.part(bias, 0, width, width),
    peepholes: peephole && [0, 1, 2].map((i) => ops.part(peephole, 0, i * hidden, hidden)),
    hidden,
    clip: (value) => (limit === undefined ? value : ops.min(ops.max(value, ops.f32(-limit)), ops.f32(limit))),
  };
  const products = dense(node, ops.reshape(x, [steps * batch, size]), weights, ops.part(bias, 0, 0, width));
  const all = ops.reshape(products, [steps, batch, width]);
  const initial = (input: number) => {
    const stated = node.optional(input);
    if (stated === undefined) return ops.f32(0, [batch, hidden]);
    const axis = attributes.flag('layout', false) ? 1 : 0;
    return ops.reshape(ops.part(stated, axis, index, 1), [batch, hidden]);
  };
  let state: State = { h: initial(5), c: layer.hasCell ? initial(6) : undefined };
  const lengths = fullLengths(node, steps);
  if (lengths !== undefined && reverse)
    return node.refuse('sequences of full length for the reverse direction', 'sequence_lens');
  const rows = new Array<Value>(steps);
  for (let i = 0; i < steps; i++) {
    const at = reverse ? steps - 1 - i : i;
    const next = layer.step(node, ops.reshape(ops.part(all, 0, at, 1), [batch, width]), state, direction);
    const inside = lengths && ops.reshape(ops.compare('greater', lengths, ops.i32(at)), [batch, 1]);
    const kept = (fresh: Value, old: Value) => (inside === undefined ? fresh : ops.select(inside, fresh, old));
    rows[at] = ops.reshape(kept(next.h, ops.f32(0, [batch, hidden])), [1, 1, batch, hidden]);
    state = { h: kept(next.h, state.h), c: next.c && kept(next.c, state.c as Value) };
  }
  return { rows: joined(node, rows, 0), end: state };
}

/** Lengths of the sequences, unless all are as long as the tensor. */
function fullLengths(node: NodeContext, steps: number): Value | undefined {
  const stated = node.optional(4);
  if (stated === undefined) return undefined;
  const isFull =
    stated.data !== undefined && Array.from(stated.data as ArrayLike<number>).every((length) => length === steps);
  return isFull ? undefined : widened(node, stated);
}

export const RECURRENT: Converters = {
  RNN: recurrent({ gates: 1, defaults: ['Tanh'], step: rnnStep, hasCell: false }),
  GRU: recurrent({ gates: 3, defaults: ['Sigmoid', 'Tanh'], step: gruStep, hasCell: false }),
  LSTM: recurrent({ gates: 4, defaults: ['Sigmoid', 'Tanh', 'Tanh'], step: lstmStep, hasCell: true }),
};
