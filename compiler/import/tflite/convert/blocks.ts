/** Operators that add margins, or trade space for channels or batches. */
import { elementCount, sameQuant, typeText } from '../../../../ir/tensor/types.ts';
import type { ConvertContext, Converters } from './context.ts';
import { movedInput } from './moved.ts';

/** Constant input `index`: a pair of counts for each of `count` axes. */
function pairs(context: ConvertContext, index: number, what: string, count: number): [number, number][] {
  const numbers = context.constantNumbers(index, what);
  if (numbers.length !== 2 * count)
    context.refuse(`${count} pairs as ${what} (input ${index})`, `${numbers.length} numbers`);
  if (numbers.some((n) => n < 0)) context.refuse(`${what} of 0 and more`, `[${numbers.join(', ')}]`);
  return Array.from({ length: count }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
}

/** PAD and PADV2, which are one operator with an optional third input. */
function pad(context: ConvertContext): void {
  const x = movedInput(context, 0);
  const margins = pairs(context, 1, 'the paddings', x.type.shape.length);
  const value = context.inputs[2];
  if (value !== undefined) {
    const fits = value.type.dtype === x.type.dtype && sameQuant(value.type.quant, x.type.quant);
    if (!fits || elementCount(value.type.shape) !== 1) {
      context.refuse(`one value of the element type and quantization of ${typeText(x.type)}`, typeText(value.type));
    }
  }
  const operands = value === undefined ? [x.value] : [x.value, value.value];
  context.output('pad', operands, {
    before: margins.map(([before]) => before),
    after: margins.map(([, after]) => after),
  });
}

function mirrorPad(context: ConvertContext): void {
  const x = movedInput(context, 0);
  const margins = pairs(context, 1, 'the paddings', x.type.shape.length);
  context.output('mirror_pad', [x.value], {
    before: margins.map(([before]) => before),
    after: margins.map(([, after]) => after),
    mode: context.options('MirrorPadOptions').mode === 'REFLECT' ? 'reflect' : 'symmetric',
  });
}

function blockSize(context: ConvertContext, table: 'DepthToSpaceOptions' | 'SpaceToDepthOptions'): { block: number } {
  const { block_size } = context.options(table);
  if (block_size < 1) context.refuse('a block size of 1 and more', `${block_size}`);
  return { block: block_size };
}

function batches(context: ConvertContext, op: 'batch_to_space' | 'space_to_batch', what: string): void {
  const x = movedInput(context, 0);
  const block = context.constantNumbers(1, 'the block shape');
  if (block.length < 1 || block.length >= x.type.shape.length || block.some((extent) => extent < 1)) {
    const most = x.type.shape.length - 1;
    context.refuse(`a block shape of 1 to ${most} positive extents`, `[${block.join(', ')}]`);
  }
  context.output(op, [x.value], { block, margins: pairs(context, 2, what, block.length) });
}

export const BLOCK_CONVERTERS = {
  PAD: pad,
  PADV2: pad,
  MIRROR_PAD: mirrorPad,
  DEPTH_TO_SPACE: (context) =>
    context.output('depth_to_space', [movedInput(context, 0).value], blockSize(context, 'DepthToSpaceOptions')),
  SPACE_TO_DEPTH: (context) =>
    context.output('space_to_depth', [movedInput(context, 0).value], blockSize(context, 'SpaceToDepthOptions')),
  BATCH_TO_SPACE_ND: (context) => batches(context, 'batch_to_space', 'the crops'),
  SPACE_TO_BATCH_ND: (context) => batches(context, 'space_to_batch', 'the paddings'),
} satisfies Converters;
