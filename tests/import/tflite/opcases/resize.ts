/** RESIZE_NEAREST_NEIGHBOR RESIZE_BILINEAR DEPTH_TO_SPACE SPACE_TO_DEPTH BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND. */
import type { OpCase, Reference } from '../../../support/opcases.ts';
import { ints, opCase, type Tensor, tensor } from '../../../support/tflite/build-case.ts';
import type { TensorTypeName } from '../../../support/tflite/schema.ts';

const of = (type: TensorTypeName, shape: readonly number[]): Tensor => {
  if (type === 'i8') return tensor(type, shape, 0.05, -7);
  if (type === 'u8') return tensor(type, shape, 0.05, 121);
  if (type === 'i16') return tensor(type, shape, 1 / 4096, 0);
  return tensor(type, shape);
};

type Size = readonly [height: number, width: number];
const SIZES: readonly (readonly [string, Size, Size])[] = [
  ['doubled', [3, 4], [6, 8]],
  ['halved', [6, 8], [3, 4]],
  ['uneven', [3, 5], [7, 4]],
  ['to one', [4, 3], [1, 1]],
  ['from one', [1, 1], [3, 2]],
  ['unchanged', [3, 4], [3, 4]],
  ['many', [2, 3], [9, 11]],
  ['much larger', [3, 2], [40, 29]],
  ['much smaller', [37, 41], [4, 3]],
];
const MODES = [
  ['', {}],
  [' corners', { align_corners: true }],
  [' half pixel', { half_pixel_centers: true }],
] as const;

/** Types outside of `micro` are answered by TensorFlow Lite. */
function resize(
  op: 'RESIZE_BILINEAR' | 'RESIZE_NEAREST_NEIGHBOR',
  micro: readonly TensorTypeName[],
  others: readonly TensorTypeName[],
): OpCase[] {
  return [...micro, ...others].flatMap((type) =>
    MODES.flatMap(([mode, options]) =>
      SIZES.map(([name, from, to]) =>
        opCase(
          `${op.toLowerCase().replaceAll('_', ' ')} ${type} ${name}${mode}`,
          op,
          [of(type, [1, ...from, 2]), ints(...to)],
          [of(type, [1, ...to, 2])],
          { options, reference: micro.includes(type) ? 'tflm' : 'tflite' },
        ),
      ),
    ),
  );
}

const batched = (['RESIZE_BILINEAR', 'RESIZE_NEAREST_NEIGHBOR'] as const).map((op) =>
  opCase(
    `${op.toLowerCase().replaceAll('_', ' ')} i8 batch 2`,
    op,
    [of('i8', [2, 2, 3, 3]), ints(4, 5)],
    [of('i8', [2, 4, 5, 3])],
    { options: {} },
  ),
);

function depth(type: TensorTypeName, [n, h, w, c]: readonly [number, number, number, number], block: number): OpCase[] {
  const deep = of(type, [n, h, w, c * block * block]);
  const wide = of(type, [n, h * block, w * block, c]);
  const name = `${type} ${n}x${h}x${w}x${c} by ${block}`;
  return [
    opCase(`depth to space ${name}`, 'DEPTH_TO_SPACE', [deep], [wide], { options: { block_size: block } }),
    opCase(`space to depth ${name}`, 'SPACE_TO_DEPTH', [wide], [deep], { options: { block_size: block } }),
  ];
}

interface BatchSpec {
  readonly wide: readonly number[];
  readonly block: readonly number[];
  readonly margins: readonly (readonly [number, number])[];
}

/** The same tensors both ways: margins are paddings one way and crops the other. */
function batch(type: TensorTypeName, { wide, block, margins }: BatchSpec): OpCase[] {
  const blocks = block.reduce((product, size) => product * size, 1);
  const inner = block.map((size, i) => (wide[i + 1] + margins[i][0] + margins[i][1]) / size);
  const many = [wide[0] * blocks, ...inner, ...wide.slice(block.length + 1)];
  // tflite-micro fills the margin with a value that it never sets.
  const reference: Reference = margins.flat().some((size) => size > 0) ? 'tflite' : 'tflm';
  const margin: Tensor = { type: 'i32', shape: [margins.length, 2], data: margins.flat() };
  const name = `${type} ${wide.join('x')} by ${block.join('x')} margins ${margins.flat().join(' ')}`;
  return [
    opCase(`space to batch ${name}`, 'SPACE_TO_BATCH_ND', [of(type, wide), ints(...block), margin], [of(type, many)], {
      reference,
    }),
    opCase(`batch to space ${name}`, 'BATCH_TO_SPACE_ND', [of(type, many), ints(...block), margin], [of(type, wide)]),
  ];
}

const none = [0, 0] as const;
const blocks = (['i8', 'f32'] as const).flatMap((type) => [
  ...depth(type, [1, 2, 3, 2], 2),
  ...depth(type, [2, 1, 2, 1], 3),
  ...depth(type, [1, 2, 2, 3], 1),
  ...batch(type, { wide: [1, 4, 6, 2], block: [2, 2], margins: [none, none] }),
  ...batch(type, {
    wide: [1, 3, 4, 2],
    block: [2, 3],
    margins: [
      [1, 0],
      [1, 1],
    ],
  }),
  ...batch(type, { wide: [2, 4, 2, 1], block: [2, 1], margins: [[2, 2], none] }),
  ...batch(type, { wide: [1, 5, 3], block: [2], margins: [[0, 1]] }),
]);

export const cases: readonly OpCase[] = [
  ...resize('RESIZE_NEAREST_NEIGHBOR', ['i8', 'i16', 'f32'], ['u8']),
  ...resize('RESIZE_BILINEAR', ['i8', 'f32'], ['u8', 'i16']),
  ...batched,
  ...blocks,
];
