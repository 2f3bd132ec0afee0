/** Counts of n-grams of numbered words. */
import type { Converter, Converters } from '../node.ts';
import type { Value } from '../values.ts';
import { widened } from './arithmetic.ts';

/** One n-gram of the pool: its words, and the output that counts it. */
interface Gram {
  readonly words: readonly number[];
  readonly output: number;
}

const tfIdfVectorizer: Converter = (node) => {
  const { ops, attributes } = node;
  const mode = attributes.choice('mode', ['TF', 'IDF', 'TFIDF'], 'TF');
  const [shortest, longest] = [attributes.int('min_gram_length', 1), attributes.int('max_gram_length', 1)];
  const skips = attributes.int('max_skip_count', 0);
  const pool = attributes.ints('pool_int64s') ?? node.refuse('words that are numbers (pool_int64s)', 'others');
  const starts = attributes.ints('ngram_counts') ?? node.refuse('ngram_counts', 'none');
  const outputs = attributes.ints('ngram_indexes') ?? node.refuse('ngram_indexes', 'none');
  const weights = attributes.floats('weights') ?? outputs.map(() => 1);
  const grams: Gram[] = [];
  starts.forEach((start, i) => {
    const words = pool.slice(start, starts[i + 1] ?? pool.length);
    for (let at = 0; at + i < words.length; at += i + 1) {
      grams.push({ words: words.slice(at, at + i + 1), output: outputs[grams.length] });
    }
  });
  const x = widened(node, node.input(0));
  const rows = x.type.shape.length === 1 ? ops.reshape(x, [1, x.type.shape[0]]) : x;
  const [batch, length] = rows.type.shape;
  const size = Math.max(...outputs) + 1;
  // A distance between words counts each gram once more; single words have none.
  const counted = grams.filter(({ words }) => words.length >= shortest && words.length <= longest);
  const columns = Array.from({ length: size }, (_, output): Value => {
    const own = counted.filter((gram) => gram.output === output);
    const terms = own.flatMap(({ words }) => {
      const distances = words.length === 1 ? [1] : Array.from({ length: skips + 1 }, (_unused, i) => i + 1);
      return distances.flatMap((step) => {
        const places = length - (words.length - 1) * step;
        if (places < 1) return [];
        const hits = words.map((word, i) => ops.compare('equal', ops.part(rows, 1, i * step, places), ops.i32(word)));
        const all = hits.slice(1).reduce((so, hit) => ops.logic('logical_and', so, hit), hits[0]);
        return [ops.reduce('sum', ops.cast(all, 'f32'), [1], true)];
      });
    });
    return terms.length === 0
      ? ops.f32(0, [batch, 1])
      : terms.slice(1).reduce((sum, term) => ops.add(sum, term), terms[0]);
  });
  const counts = ops.concat(columns, 1);
  const factors = new Float32Array(size).fill(1);
  outputs.forEach((output, i) => {
    factors[output] = weights[i];
  });
  const present = mode === 'IDF' ? ops.min(counts, ops.f32(1)) : counts;
  const y = mode === 'TF' ? present : ops.mul(present, ops.f32s(factors));
  return x.type.shape.length === 1 ? ops.reshape(y, [size]) : y;
};

export const TEXT: Converters = { TfIdfVectorizer: tfIdfVectorizer };
