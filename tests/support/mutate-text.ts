// Random damage to texts, for parsers.
import type { Random } from './random.ts';

/** One random edit: a character changed, a slice removed, doubled, or moved in from elsewhere. */
export function mutateText(r: Random, text: string): string {
  const from = r.int(0, text.length - 1);
  const to = Math.min(text.length, from + r.int(1, 12));
  switch (r.int(0, 3)) {
    case 0:
      return (
        text.slice(0, from) +
        String.fromCodePoint(r.chance(0.8) ? r.int(32, 126) : r.int(0, 0xd7ff)) +
        text.slice(from + 1)
      );
    case 1:
      return text.slice(0, from) + text.slice(to);
    case 2:
      return text.slice(0, to) + text.slice(from);
    default: {
      const place = r.int(0, text.length);
      return text.slice(0, place) + text.slice(from, to) + text.slice(place);
    }
  }
}

/** One number in the text replaced by another that is likely to matter. */
export function mutateNumber(r: Random, text: string): string {
  const numbers = [...text.matchAll(/-?\d+(?:\.\d+)?/g)];
  if (numbers.length === 0) return text;
  const { 0: old, index } = r.pick(numbers);
  const value = r.pick(['-1', '0', '1', '2', '3', '7', '128', '255', '65536', '1.5', '1e9', '4294967296']);
  return text.slice(0, index) + value + text.slice(index + old.length);
}
