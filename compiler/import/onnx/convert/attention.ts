/** Attention and what surrounds it in transformers and state-space models, spelled out in matrix products. */
import { typeText } from '../../../../ir/tensor/types.ts';
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';
import { widened } from './arithmetic.ts';
import { convolution } from './conv.ts';
import { joined } from './slice.ts';

const NEGATIVE_INFINITY = Number.NEGATIVE_INFINITY;

/** [batch, length, heads * size] to [batch, heads, length, size]. */
export function intoHeads(node: NodeContext, x: Value, heads: number): Value {
  const [batch, length, width] = x.type.shape;
  if (width % heads !== 0) return node.refuse(`a width in ${heads} heads`, typeText(x.type));
  return node.ops.transpose(node.ops.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** The inverse of `intoHeads`. */
export function outOfHeads(node: NodeContext, x: Value): Value {
  const [batch, heads, length, size] = x.type.shape;
  return node.ops.reshape(node.ops.transpose(x, [0, 2, 1, 3]), [batch, length, heads * size]);
}

/** Each head `times` times in a row. */
export function repeatedHeads(node: NodeContext, x: Value, times: number): Value {
  if (times === 1) return x;
  const { ops } = node;
  const [batch, heads, ...rest] = x.type.shape;
  const spread = ops.broadcast(ops.reshape(x, [batch, heads, 1, ...rest]), [batch, heads, times, ...rest]);
  return ops.reshape(spread, [batch, heads * times, ...rest]);
}

/** Softmax whose rows of nothing but -infinity are zeros. */
function maskedSoftmax(node: NodeContext, scores: Value, masked: boolean): Value {
  const { ops } = node;
  const shares = ops.softmax(scores);
  if (!masked) return shares;
  const highest = ops.reduce('reduce_max', scores, [scores.type.shape.length - 1], true);
  // The lowest finite f32 is where maxima start, so a row of -infinity has it.
  const empty = ops.compare('less_equal', highest, ops.f32(-3.4028234663852886e38));
  return ops.select(empty, ops.f32(0), shares);
}

/** 0 where query i may see key j, else -infinity. `first`: how many keys stand before the queries, per batch or for all. */
function window(node: NodeContext, queries: number, keys: number, first: Value, left: number, right: number): Value {
  const { ops } = node;
  const i = ops.i32s(
    Array.from({ length: queries }, (_, at) => at),
    [queries, 1],
  );
  const j = ops.i32s(
    Array.from({ length: keys }, (_, at) => at),
    [1, keys],
  );
  const ahead = ops.sub(j, ops.add(i, first));
  const low = left < 0 ? undefined : ops.compare('greater_equal', ahead, ops.i32(-left));
  const high = right < 0 ? undefined : ops.compare('less_equal', ahead, ops.i32(right));
  const allowed = low === undefined ? high : high === undefined ? low : ops.logic('logical_and', low, high);
  return allowed === undefined ? ops.f32(0) : ops.select(allowed, ops.f32(0), ops.f32(NEGATIVE_INFINITY));
}

/** The mask as numbers to add, its last axis filled up to the number of keys. */
function additive(node: NodeContext, mask: Value, keys: number): Value {
  const { ops } = node;
  const isBool = mask.type.dtype === 'bool';
  const numbers = isBool ? ops.select(mask, ops.f32(0), ops.f32(NEGATIVE_INFINITY)) : mask;
  const missing = keys - (mask.type.shape.at(-1) as number);
  if (missing <= 0) return numbers;
  const margin = mask.type.shape.map(() => 0);
  return ops.one('pad', [numbers, ops.f32(NEGATIVE_INFINITY)], { before: margin, after: margin.with(-1, missing) });
}

const attention: Converter = (node) => {
  const { ops, attributes } = node;
  const flat = node.input(0).type.shape.length === 3;
  const heads = (input: number, name: string) => {
    const x = node.input(input);
    return flat ? intoHeads(node, x, attributes.int(name, 1)) : x;
  };
  const query = heads(0, 'q_num_heads');
  attributes.ignore('softmax_precision', 'q_num_heads', 'kv_num_heads');
  const past = [node.optional(4), node.optional(5)];
  const [key, value] = [1, 2].map((input, i) => {
    const x = heads(input, 'kv_num_heads');
    const before = past[i];
    return before === undefined ? x : joined(node, [before, x], 2);
  });
  const [, queryHeads, queries, size] = query.type.shape;
  const keys = key.type.shape[2];
  const scale = Math.sqrt(attributes.has('scale') ? attributes.float('scale', 1) : 1 / Math.sqrt(size));
  const times = queryHeads / key.type.shape[1];
  if (!Number.isInteger(times)) return node.refuse('query heads that key heads divide', typeText(key.type));
  const left = ops.mul(query, ops.f32(scale));
  const right = ops.mul(ops.transpose(repeatedHeads(node, key, times), [0, 1, 3, 2]), ops.f32(scale));
  const products = ops.matmul(left, right);
  const softcap = attributes.float('softcap', 0);
  const capped =
    softcap > 0 ? ops.mul(ops.unary('tanh', ops.div(products, ops.f32(softcap))), ops.f32(softcap)) : products;
  const biases = attentionBiases(node, queries, keys, past[0]?.type.shape[2]);
  const biased = biases.reduce((sum, bias) => ops.add(sum, bias), capped);
  const shares = maskedSoftmax(node, biased, biases.length > 0);
  const y = ops.matmul(shares, repeatedHeads(node, value, times));
  const mode = attributes.int('qk_matmul_output_mode', 0);
  const stages = [products, capped, biased, shares];
  return [
    flat ? outOfHeads(node, y) : y,
    key,
    value,
    stages[mode] ?? node.refuseAttribute('qk_matmul_output_mode', '0 to 3', `${mode}`),
  ];
};

function attentionBiases(node: NodeContext, queries: number, keys: number, pastKeys: number | undefined): Value[] {
  const { ops, attributes } = node;
  const mask = node.optional(3);
  const lengths = node.optional(6);
  const causal = attributes.flag('is_causal', false);
  const [left, right] = [attributes.int('left_window_size', -1), attributes.int('right_window_size', -1)];
  const biases = mask === undefined ? [] : [additive(node, mask, keys)];
  const column = lengths && ops.reshape(widened(node, lengths), [lengths.type.shape[0], 1, 1, 1]);
  const first = column === undefined ? ops.i32(pastKeys ?? 0) : ops.sub(column, ops.i32(queries));
  if (causal) biases.push(window(node, queries, keys, first, -1, 0));
  if (left >= 0 || right >= 0) biases.push(window(node, queries, keys, first, left, right));
  if (column !== undefined) {
    const places = ops.i32s(
      Array.from({ length: keys }, (_, at) => at),
      [1, 1, 1, keys],
    );
    biases.push(ops.select(ops.compare('less', places, column), ops.f32(0), ops.f32(NEGATIVE_INFINITY)));
  }
  return biases;
}

/** Attention whose scores and shares graphs of the model change. */
const flexAttention: Converter = (node) => {
  const { ops, attributes } = node;
  attributes.ignore('softmax_precision');
  const [query, key, value] = [node.input(0), node.input(1), node.input(2)];
  const times = query.type.shape[1] / key.type.shape[1];
  if (!Number.isInteger(times)) return node.refuse('query heads that key heads divide', typeText(key.type));
  const scale = attributes.float('scale', 1 / Math.sqrt(query.type.shape[3]));
  const modified = (name: string, x: Value): Value => {
    if (!attributes.has(name)) return x;
    const [y] = node.runGraph(attributes.graph(name), [x]);
    return y === undefined || 'items' in y ? node.refuse(`a tensor as the result of ${name}`, 'none') : y;
  };
  const keys = ops.transpose(repeatedHeads(node, key, times), [0, 1, 3, 2]);
  const scores = modified('score_mod', ops.mul(ops.matmul(query, keys), ops.f32(scale)));
  const shares = modified('prob_mod', maskedSoftmax(node, scores, true));
  return { ...ops.matmul(shares, repeatedHeads(node, value, times)), element: query.element };
};

/** Pairs of elements turned by the angle of their position. */
const rotaryEmbedding: Converter = (node) => {
  const { ops, attributes } = node;
  const input = node.input(0);
  const flat = input.type.shape.length === 3;
  const heads = attributes.int('num_heads', 0);
  const x = flat
    ? ops.reshape(input, [...input.type.shape.slice(0, 2), heads, input.type.shape[2] / heads])
    : ops.transpose(input, [0, 2, 1, 3]);
  const size = x.type.shape[3];
  const turned = attributes.int('rotary_embedding_dim', 0) || size;
  const half = turned / 2;
  const ids = node.optional(3);
  const [cos, sin] = [1, 2].map((i) => {
    const cache = node.input(i);
    const rows = ids === undefined ? cache : ops.gather(cache, widened(node, ids), 0);
    return ops.reshape(rows, [...rows.type.shape.slice(0, 2), 1, half]);
  });
  const interleaved = attributes.flag('interleaved', false);
  const part = (which: number) => {
    const start = [0, 0, 0, interleaved ? which : which * half];
    return ops.slice(x, start, x.type.shape.with(3, half), [1, 1, 1, interleaved ? 2 : 1]);
  };
  const [a, b] = [part(0), part(1)];
  const real = ops.sub(ops.mul(cos, a), ops.mul(sin, b));
  const imaginary = ops.add(ops.mul(sin, a), ops.mul(cos, b));
  const pairs = [real, imaginary].map((value) => (interleaved ? ops.reshape(value, [...value.type.shape, 1]) : value));
  const joinedPairs = ops.concat(pairs, interleaved ? 4 : 3);
  const rotated = ops.reshape(joinedPairs, x.type.shape.with(3, turned));
  const all = turned === size ? rotated : ops.concat([rotated, ops.part(x, 3, turned, size - turned)], 3);
  return flat ? ops.reshape(all, input.type.shape) : ops.transpose(all, [0, 2, 1, 3]);
};

const RULES = ['linear', 'gated', 'delta', 'gated_delta'] as const;

/** A state of [key size, value size] per head that each step decays, corrects, writes and reads. */
const linearAttention: Converter = (node) => {
  const { ops, attributes } = node;
  const [queryHeads, keyHeads] = [attributes.int('q_num_heads', 1), attributes.int('kv_num_heads', 1)];
  const rule = attributes.choice('update_rule', RULES, 'gated_delta');
  attributes.ignore('chunk_size');
  const [query, key, value] = [
    intoHeads(node, node.input(0), queryHeads),
    intoHeads(node, node.input(1), keyHeads),
    intoHeads(node, node.input(2), keyHeads),
  ];
  const [batch, , steps, size] = key.type.shape;
  const depth = value.type.shape[3];
  const stated = attributes.float('scale', 0);
  const scale = ops.f32(stated === 0 ? 1 / Math.sqrt(size) : stated);
  const perHead = (input: number) => {
    const x = node.input(input);
    return intoHeads(node, x, x.type.shape[2] === 1 ? 1 : keyHeads);
  };
  const decay = rule.startsWith('gated') ? ops.unary('exp', perHead(4)) : undefined;
  const beta = rule.endsWith('delta') ? perHead(5) : undefined;
  let state = node.optional(3) ?? ops.f32(0, [batch, keyHeads, size, depth]);
  const rows = Array.from({ length: steps }, (_, step) => {
    const at = (x: Value) => ops.part(x, 2, step, 1);
    const k = at(key);
    const column = ops.transpose(k, [0, 1, 3, 2]);
    if (decay !== undefined) state = ops.mul(state, ops.transpose(at(decay), [0, 1, 3, 2]));
    const plain = at(value);
    const written = beta === undefined ? plain : ops.mul(at(beta), ops.sub(plain, ops.matmul(k, state)));
    state = ops.add(state, ops.mul(column, written));
    return ops.mul(scale, ops.matmul(at(query), repeatedHeads(node, state, queryHeads / keyHeads)));
  });
  return [outOfHeads(node, joined(node, rows, 2)), state];
};

/** A depthwise convolution over what came before, which it hands on. */
const causalConvWithState: Converter = (node) => {
  const { ops, attributes } = node;
  const [x, w, bias, past] = [node.input(0), node.input(1), node.optional(2), node.optional(3)];
  const activation = attributes.choice('activation', ['none', 'silu', 'swish'], 'none');
  const [batch, channels] = x.type.shape;
  const memory = w.type.shape[2] - 1;
  const before = past ?? (memory === 0 ? undefined : ops.f32(0, [batch, channels, memory]));
  const padded = before === undefined || memory === 0 ? x : ops.concat([before, x], 2);
  const y = convolution(node, padded, w, bias, channels);
  const kept =
    memory === 0
      ? (past ?? ops.constant('float', [batch, channels, 0], new Float32Array(0)))
      : ops.part(padded, 2, padded.type.shape[2] - memory, memory);
  return [activation === 'none' ? y : ops.mul(y, ops.unary('logistic', y)), kept];
};

export const ATTENTION: Converters = {
  Attention: attention,
  RotaryEmbedding: rotaryEmbedding,
  LinearAttention: linearAttention,
  CausalConvWithState: causalConvWithState,
};

/** Domain ai.onnx.preview. */
export const PREVIEW: Converters = { FlexAttention: flexAttention };
