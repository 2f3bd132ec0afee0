/** Picks from `runtime/c/mcc_intrinsics.h` the definitions that a piece of C uses. */
import { readRuntime } from './runtime.ts';

interface Section {
  readonly names: readonly string[];
  readonly text: string;
}

const MARKER = /^\/\*@ (.*) \*\/\n/m;

/** The header's text before the first marker, its sections in order, and its end. */
function sections(): { readonly start: string; readonly parts: readonly Section[]; readonly end: string } {
  const [start, ...pieces] = readRuntime('mcc_intrinsics.h').split(MARKER);
  const parts: Section[] = [];
  for (let i = 0; i < pieces.length; i += 2) {
    parts.push({ names: (pieces[i] as string).split(' '), text: (pieces[i + 1] as string).trimEnd() });
  }
  const end = parts.pop();
  if (start === undefined || end?.names[0] !== 'end') throw new Error('mcc_intrinsics.h: the marker "end" is missing');
  return { start, parts, end: end.text };
}

function mentions(text: string): string[] {
  return text.match(/\b(mcc|MCC)_\w+/g) ?? [];
}

/**
 * The header with only what `code` uses, directly or through another definition; undefined when it uses nothing.
 * `guard` replaces the include guard, so that the headers of two models do not hide each other.
 */
export function intrinsicsFor(code: string, guard: string): string | undefined {
  const { start, parts, end } = sections();
  const wanted = new Set(mentions(code));
  const used = new Set<Section>();
  // A definition uses only what stands above it, so one walk from the end finds everything.
  for (const part of [...parts].reverse()) {
    if (!part.names.some((name) => wanted.has(name))) continue;
    used.add(part);
    for (const name of mentions(part.text)) wanted.add(name);
  }
  if (used.size === 0) return undefined;
  const body = parts.filter((part) => used.has(part)).map((part) => part.text);
  return `${start.replaceAll('MCC_INTRINSICS_H', guard)}${body.join('\n\n')}\n\n${end.replaceAll('MCC_INTRINSICS_H', guard)}\n`;
}
