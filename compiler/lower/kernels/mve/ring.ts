/**
 * The rows of an image that the windows of one row of output see, each copied once: with padding, a ring of rows in
 * scratch memory with the zero point around them, into which every row of output brings the rows that are new to it.
 */
import { add, affine, type Buffer, inRange, max, mul, type Operand, op, sub } from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { padded } from '../../window.ts';
import { copyBytes, fillBytes } from './bytes.ts';
import { BLOCK } from './stage.ts';

export interface WindowRows {
  readonly buffer: Buffer;
  /** 16 bytes may be read wherever a byte of the window lies. */
  readonly slack: boolean;
  /** For every row of the window, where the window of the first pixel of the row of output begins. */
  readonly starts: readonly Expr[];
}

type Body = (rows: WindowRows, n: Expr, oy: Expr) => void;

/** Runs `body` for every row of output, of every image. */
export function forRingRows<K extends OpName>(
  k: KernelBuilder<K>,
  g: WindowGeometry,
  x: Buffer,
  zero: number,
  body: Body,
): void {
  if (padded(g)) paddedRows(k, g, x, zero, body);
  else {
    const { height, width, channels } = g.input;
    k.forAll(['n', 'oy'], [g.batch, g.output.height], (index) => {
      const [n, oy] = index as [Expr, Expr];
      const starts = Array.from({ length: g.window[0] }, (_, ky) =>
        k.let(
          'start',
          affine(
            [
              [n, height * width * channels],
              [oy, g.stride[0] * width * channels],
            ],
            ky * g.dilation[0] * width * channels,
          ),
        ),
      );
      body({ buffer: x, slack: false, starts }, n, oy);
    });
  }
}

interface Ring {
  /** Rows from the first to the last that a window sees. */
  readonly span: number;
  /** Of them new to each row of output. */
  readonly fresh: number;
  readonly rowBytes: number;
}

function ringOf(g: WindowGeometry): Ring {
  const span = (g.window[0] - 1) * g.dilation[0] + 1;
  const reach = (g.output.width - 1) * g.stride[1] + (g.window[1] - 1) * g.dilation[1] + 1;
  const columns = Math.max(reach, g.padding.left + g.input.width);
  return { span, fresh: Math.min(span, g.stride[0]), rowBytes: columns * g.input.channels };
}

function paddedRows<K extends OpName>(
  k: KernelBuilder<K>,
  g: WindowGeometry,
  x: Buffer,
  zero: number,
  body: Body,
): void {
  const { height, width, channels } = g.input;
  const { span, fresh, rowBytes } = ringOf(g);
  const rows = k.scratch('rows', 'i8', span * rowBytes + BLOCK);
  const blank = k.let('blank', op('i8x16.splat', [zero]));
  fillBytes(k, span * rowBytes, rows, 0, blank);
  const first = k.variable('first', 0);
  /** Where row `row` of the window lies. */
  const slot = (row: Operand): Expr => mul(op('i32.rem_s', [add(first.value, row), span]), rowBytes);
  const bring = (n: Expr, iy: Expr, to: Expr) => {
    const bytes = width * channels;
    const at = k.let('to', add(to, g.padding.left * channels));
    const copy = () =>
      copyBytes(
        k,
        bytes,
        x,
        affine([
          [n, height * bytes],
          [iy, bytes],
        ]),
        rows,
        at,
      );
    k.if(inRange(iy, 0, height), copy, () => fillBytes(k, bytes, rows, at, blank));
  };
  k.for('n', 0, g.batch, (n) => {
    k.set(first, 0);
    k.for('oy', 0, g.output.height, (oy) => {
      k.for('row', 0, span, (row) => {
        // The first row of output brings all of its window.
        const isNew = fresh === span ? 1 : op('i32.or', [op('i32.eq', [oy, 0]), op('i32.ge_s', [row, span - fresh])]);
        k.if(isNew, () => {
          const iy = k.let('iy', add(mul(oy, g.stride[0]), sub(row, g.padding.top)));
          bring(n, iy, slot(row));
        });
      });
      const starts = Array.from({ length: g.window[0] }, (_, ky) => k.let('start', slot(ky * g.dilation[0])));
      body({ buffer: rows, slack: true, starts }, n, oy);
      // Never negative, which the remainder's range does not show.
      k.set(first, max(op('i32.rem_s', [add(first.value, g.stride[0]), span]), 0));
    });
  });
}

/**
 * How far the input must begin above an output of as many channels that is stored row by row behind the ring (see
 * `Overlap`): a row of input is read once, when it comes into the ring.
 */
export function ringDistance(g: WindowGeometry): number {
  const inRow = g.input.width * g.input.channels;
  const outRow = g.output.width * g.output.channels;
  const { span } = ringOf(g);
  let distance = Number.NEGATIVE_INFINITY;
  for (let n = 0; n < g.batch; n++) {
    for (let oy = 0; oy < g.output.height; oy++) {
      const isLast = oy === g.output.height - 1;
      if (isLast && n === g.batch - 1) break;
      const read = isLast ? g.input.height : Math.max(0, oy * g.stride[0] - g.padding.top + span);
      const unread = n * g.input.height + Math.min(g.input.height, read);
      distance = Math.max(distance, (n * g.output.height + oy + 1) * outRow - unread * inRow);
    }
  }
  return distance;
}
