/** Digits as a hand would draw them. */

import type { PaperStroke } from './page-driver.ts';

// biome-ignore format: a line per stroke
export const ONE: readonly PaperStroke[] = [[[0.52, 0.2], [0.51, 0.4], [0.5, 0.6], [0.49, 0.82]]];
// biome-ignore format: a line per stroke
export const SEVEN: readonly PaperStroke[] = [[[0.25, 0.22], [0.5, 0.21], [0.74, 0.22], [0.62, 0.5], [0.48, 0.85]]];
export const ZERO: readonly PaperStroke[] = [ellipse(0.5, 0.5, 0.2, 0.32)];

function ellipse(x: number, y: number, width: number, height: number): PaperStroke {
  return Array.from({ length: 33 }, (_, n) => {
    const angle = (n / 32) * 2 * Math.PI;
    return [x + width * Math.sin(angle), y - height * Math.cos(angle)];
  });
}
