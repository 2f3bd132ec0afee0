/** Seeded choice of a few among many. */

/** `most` of the integers below `count`, each at most once; all of them, in order, where there are no more. */
export function chosen(count: number, most: number, random: () => number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  // Floyd's algorithm: every subset is as likely as any other.
  const picked = new Set<number>();
  for (let i = count - most; i < count; i++) {
    const candidate = Math.floor(random() * (i + 1));
    picked.add(picked.has(candidate) ? i : candidate);
  }
  return [...picked].sort((a, b) => a - b);
}
