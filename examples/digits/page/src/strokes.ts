/**
 * From pen strokes to the picture the network was trained on.
 *
 * MNIST's digits (http://yann.lecun.com/exdb/mnist/) were scaled to fit a 20x20 box with their proportions kept,
 * antialiased, and laid into 28x28 pixels so that their centre of mass is the picture's centre. Doing this with the
 * strokes instead of with pixels keeps the pen's width the same however large one draws.
 */

/** A point of the drawing surface; any unit, y grows downwards. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The pen's way from touching the paper to leaving it. */
export type Stroke = readonly Point[];

/** Pixels along a side of the network's input. */
export const SIDE = 28;
const BOX = 20;

/** Half the pen's width, in pixels of the network's input: MNIST's lines are 2.5 to 3 pixels wide. */
const PEN = 1.3;

/**
 * Draws the strokes as MNIST would show them.
 *
 * @returns the network's input, 28 rows of 28 pixels from -128 (paper) to 127 (ink); all paper for no strokes
 */
export function toInput(strokes: readonly Stroke[]): Int8Array {
  const fitted = fit(strokes);
  const mass = centreOfMass(rasterise(fitted));
  const middle = SIDE / 2;
  const centred = move(fitted, middle - mass.x, middle - mass.y);
  return Int8Array.from(rasterise(centred), (ink) => Math.round(ink * 255) - 128);
}

/** Scales the strokes, pen width included, to the box, and puts the box into the middle of the picture. */
function fit(strokes: readonly Stroke[]): readonly Stroke[] {
  const points = strokes.flat();
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const left = Math.min(...xs);
  const top = Math.min(...ys);
  const width = Math.max(...xs) - left;
  const height = Math.max(...ys) - top;
  // A single dot has no size to scale.
  const scale = (BOX - 2 * PEN) / (Math.max(width, height) || 1);
  const place = (point: Point): Point => ({
    x: SIDE / 2 + (point.x - left - width / 2) * scale,
    y: SIDE / 2 + (point.y - top - height / 2) * scale,
  });
  return strokes.map((stroke) => stroke.map(place));
}

function move(strokes: readonly Stroke[], dx: number, dy: number): readonly Stroke[] {
  return strokes.map((stroke) => stroke.map((point) => ({ x: point.x + dx, y: point.y + dy })));
}

/** How much ink each pixel holds, 0 to 1: a round pen whose edge fades over one pixel. */
function rasterise(strokes: readonly Stroke[]): Float32Array {
  const ink = new Float32Array(SIDE * SIDE);
  for (const stroke of strokes) {
    stroke.forEach((to, n) => {
      drawSegment(ink, stroke[Math.max(0, n - 1)]!, to);
    });
  }
  return ink;
}

function drawSegment(ink: Float32Array, from: Point, to: Point): void {
  const reach = PEN + 0.5;
  const firstRow = Math.max(0, Math.floor(Math.min(from.y, to.y) - reach));
  const lastRow = Math.min(SIDE - 1, Math.ceil(Math.max(from.y, to.y) + reach));
  const firstColumn = Math.max(0, Math.floor(Math.min(from.x, to.x) - reach));
  const lastColumn = Math.min(SIDE - 1, Math.ceil(Math.max(from.x, to.x) + reach));
  for (let row = firstRow; row <= lastRow; row++) {
    for (let column = firstColumn; column <= lastColumn; column++) {
      const shade = reach - distance({ x: column + 0.5, y: row + 0.5 }, from, to);
      const pixel = row * SIDE + column;
      ink[pixel] = Math.max(ink[pixel]!, Math.min(1, shade));
    }
  }
}

/** The distance of a point from the segment between two others. */
function distance(point: Point, from: Point, to: Point): number {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const along = (point.x - from.x) * dx + (point.y - from.y) * dy;
  const part = Math.max(0, Math.min(1, along / (dx * dx + dy * dy || 1)));
  return Math.hypot(point.x - from.x - part * dx, point.y - from.y - part * dy);
}

function centreOfMass(ink: Float32Array): Point {
  let mass = 0;
  let x = 0;
  let y = 0;
  ink.forEach((amount, pixel) => {
    mass += amount;
    x += amount * ((pixel % SIDE) + 0.5);
    y += amount * (Math.floor(pixel / SIDE) + 0.5);
  });
  return mass > 0 ? { x: x / mass, y: y / mass } : { x: SIDE / 2, y: SIDE / 2 };
}
