/**
 * The rows of an image that the windows of one row of output see, so that no tap needs a test: without padding the input
 * itself, otherwise a copy of these rows in scratch memory with the zero point around them.
 */
import {
  add,
  affine,
  type Buffer,
  type FunctionBuilder,
  inRange,
  mul,
  type Operand,
  op,
  sub,
} from '../../../../ir/loop/build.ts';
import type { Expr } from '../../../../ir/loop/types.ts';
import type { WindowGeometry } from '../../../../ir/tensor/ops/conv.ts';
import type { OpName } from '../../../../ir/tensor/ops/index.ts';
import type { KernelBuilder } from '../../kernel.ts';
import { padded } from '../../window.ts';
import { copyBytes, fillBytes } from './bytes.ts';
import { BLOCK } from './stage.ts';

export interface Window {
  readonly buffer: Buffer;
  /** 16 bytes may be read wherever a byte of the window lies. */
  readonly slack: boolean;
  /** Bytes from a row of the window to the next. */
  readonly rowStride: number;
  /** Index of the first byte of the window of output pixel `ox` of the present row. */
  start(ox: Operand): Expr;
}

/** Runs `body` for every row of output, of every image. */
export function forRows<K extends OpName>(
  k: KernelBuilder<K>,
  g: WindowGeometry,
  x: Buffer,
  zero: number,
  body: (window: Window, n: Expr, oy: Expr) => void,
): void {
  if (padded(g)) paddedRows(k, g, x, zero, body);
  else {
    const { height, width, channels } = g.input;
    k.forAll(['n', 'oy'], [g.batch, g.output.height], ([n, oy]) => {
      const row = affine([
        [n as Expr, height * width * channels],
        [oy as Expr, g.stride[0] * width * channels],
      ]);
      const start = (ox: Operand) => add(row, mul(ox, g.stride[1] * channels));
      const rowStride = g.dilation[0] * width * channels;
      body({ buffer: x, slack: false, rowStride, start }, n as Expr, oy as Expr);
    });
  }
}

function paddedRows<K extends OpName>(
  k: KernelBuilder<K>,
  g: WindowGeometry,
  x: Buffer,
  zero: number,
  body: (window: Window, n: Expr, oy: Expr) => void,
): void {
  const { height, width, channels } = g.input;
  const reach = (g.output.width - 1) * g.stride[1] + (g.window[1] - 1) * g.dilation[1] + 1;
  const columns = Math.max(reach, g.padding.left + width);
  const rowStride = columns * channels;
  const total = g.window[0] * rowStride;
  const rows = k.scratch('rows', 'i8', total + BLOCK);
  const blank = k.let('blank', op('i8x16.splat', [zero]));
  fillBytes(k, total, rows, 0, blank);
  k.forAll(['n', 'oy'], [g.batch, g.output.height], ([n, oy]) => {
    k.for('ky', 0, g.window[0], (ky) => {
      const iy = k.let(
        'iy',
        sub(
          affine([
            [oy as Expr, g.stride[0]],
            [ky, g.dilation[0]],
          ]),
          g.padding.top,
        ),
      );
      const to = k.let('to', affine([[ky, rowStride]], g.padding.left * channels));
      const bytes = width * channels;
      const copy = () =>
        copyBytes(
          k,
          bytes,
          x,
          affine([
            [n as Expr, height * bytes],
            [iy, bytes],
          ]),
          rows,
          to,
        );
      k.if(inRange(iy, 0, height), copy, () => fillBytes(k, bytes, rows, to, blank));
    });
    const start = (ox: Operand) => mul(ox, g.stride[1] * channels);
    body({ buffer: rows, slack: true, rowStride, start }, n as Expr, oy as Expr);
  });
}

/** Runs `body` for tiles of `size` pixels and one of what is left. */
export function forTiles(
  k: FunctionBuilder,
  width: number,
  size: number,
  body: (ox: Expr, pixels: number) => void,
): void {
  const whole = Math.floor(width / size) * size;
  k.for('ox', 0, whole, (ox) => body(ox, size), { step: size });
  if (whole < width) body(add(whole, 0), width - whole);
}
