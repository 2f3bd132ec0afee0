/** Operators that move elements without changing them. */
import { elementCount, newData, sameQuant, typeText } from '../../../../ir/tensor/types.ts';
import type { Operand } from '../../builder.ts';
import { BLOCK_CONVERTERS } from './blocks.ts';
import type { ConvertContext, Converters } from './context.ts';
import { movedInput, onlyNumber, perAxis } from './moved.ts';
import { SLICE_CONVERTERS } from './slice.ts';

/** The new shape comes from the second input, or from the options of older files; one extent may be -1. */
function reshape(context: ConvertContext): void {
  const x = movedInput(context, 0);
  const wanted =
    context.inputs[1] === undefined
      ? context.options('ReshapeOptions').new_shape
      : context.constantNumbers(1, 'the new shape');
  const count = elementCount(x.type.shape);
  const known = elementCount(wanted.filter((extent) => extent !== -1));
  const shape = wanted.map((extent) => (extent === -1 ? count / known : extent));
  if (shape.some((extent) => !Number.isInteger(extent) || extent < 0) || elementCount(shape) !== count) {
    context.refuse(`a new shape of ${count} elements`, `[${wanted.join(', ')}]`);
  }
  context.output('reshape', [x.value], { shape });
}

/** Without a list, all axes of extent 1 go. */
function squeeze(context: ConvertContext): void {
  const x = movedInput(context, 0);
  const { shape } = x.type;
  const listed = context.options('SqueezeOptions').squeeze_dims.map((axis) => context.axis(axis, shape.length));
  const wrong = listed.find((axis) => shape[axis] !== 1);
  if (wrong !== undefined) context.refuse(`extent 1 on the squeezed axis ${wrong}`, `shape [${shape.join(', ')}]`);
  const kept = shape.filter((extent, axis) => (listed.length === 0 ? extent !== 1 : !listed.includes(axis)));
  context.output('reshape', [x.value], { shape: kept });
}

function expandDims(context: ConvertContext): void {
  const x = movedInput(context, 0);
  const axis = onlyNumber(context, 1, 'the axis');
  const at = context.axis(axis, x.type.shape.length + 1);
  context.output('reshape', [x.value], { shape: x.type.shape.toSpliced(at, 0, 1) });
}

function transpose(context: ConvertContext): void {
  const x = movedInput(context, 0);
  const rank = x.type.shape.length;
  const permutation = perAxis(context, 1, 'the order of the axes', rank).map((axis) => context.axis(axis, rank));
  if (new Set(permutation).size !== rank) context.refuse('every axis once', `[${permutation.join(', ')}]`);
  context.output('transpose', [x.value], { permutation });
}

/**
 * uint8 operands of another scale are brought to the output's by a table, in f32 as TensorFlow Lite's reference kernel
 * does it. Other types must agree, as its other kernels demand; tflite-micro copies int16 of other scales unscaled.
 */
function concatenation(context: ConvertContext): void {
  const { axis, fused_activation_function: fused } = context.options('ConcatenationOptions');
  if (fused !== 'NONE') context.refuse('CONCATENATION without a fused activation', fused);
  const first = context.input(0, 'the first tensor');
  const output = context.outputs[0]?.type;
  const values = context.inputs.map((_, i) => {
    const x = context.input(i, 'a tensor');
    const isScaled = x.type.dtype === 'u8' && output?.dtype === 'u8' && !sameQuant(x.type.quant, output.quant);
    return isScaled ? rescaled(context, x) : movedInput(context, i).value;
  });
  context.output('concat', values, { axis: context.axis(axis, first.type.shape.length) });
}

function rescaled(context: ConvertContext, x: Operand): string {
  const { quant } = context.outputs[0]?.type ?? context.refuse('an output', 'none');
  if (x.type.quant.kind !== 'affine' || quant.kind !== 'affine' || x.type.quant.scale.length + quant.scale.length > 2) {
    return context.refuse('operands and output with one scale each', typeText(x.type));
  }
  const [zero, outZero] = [x.type.quant.zeroPoint[0] as number, quant.zeroPoint[0] as number];
  const scale = Math.fround((x.type.quant.scale[0] as number) * Math.fround(1 / (quant.scale[0] as number)));
  const bias = Math.fround(-zero * scale);
  const table = Uint8Array.from({ length: 256 }, (_, q) => {
    const real = Math.fround(Math.fround(q * scale) + bias);
    // Halves go away from zero.
    const rounded = Math.sign(real) * Math.floor(Math.abs(real) + 0.5);
    return Math.min(Math.max(rounded + outZero, 0), 255);
  });
  const name = context.constant({ dtype: 'u8', shape: [256], quant }, table);
  const [value] = context.emit('gather', [name, x.value], { axis: 0, batchDims: 0 }, [{ dtype: 'u8', quant }]);
  return value as string;
}

/** Every tensor gets a new axis, along which they are joined. */
function pack(context: ConvertContext): void {
  const first = movedInput(context, 0);
  const axis = context.axis(context.options('PackOptions').axis, first.type.shape.length + 1);
  const values = context.inputs.map((_, i) => {
    const { value, type } = movedInput(context, i);
    const shape = type.shape.toSpliced(axis, 0, 1);
    return context.emit('reshape', [value], { shape }, [{ dtype: type.dtype, quant: type.quant }])[0] as string;
  });
  context.output('concat', values, { axis });
}

function gather(context: ConvertContext): void {
  const x = movedInput(context, 0);
  const indices = context.input(1, 'the positions');
  const options = context.options('GatherOptions');
  const axis = context.axis(options.axis, x.type.shape.length);
  const rank = indices.type.shape.length;
  const batchDims = options.batch_dims < 0 ? options.batch_dims + rank : options.batch_dims;
  if (!(batchDims >= 0 && batchDims <= Math.min(rank, axis))) {
    context.refuse(`batch_dims from 0 to ${Math.min(rank, axis)}`, `${options.batch_dims}`);
  }
  const last = (x.type.shape[axis] as number) - 1;
  const wrong =
    indices.data === undefined ? undefined : Array.from(indices.data, Number).find((i) => i < 0 || i > last);
  if (wrong !== undefined) context.refuse(`positions from 0 to ${last}`, `${wrong}`);
  context.output('gather', [x.value, indices.value], { axis, batchDims });
}

function tile(context: ConvertContext): void {
  const x = movedInput(context, 0);
  const multiples = perAxis(context, 1, 'the multiples', x.type.shape.length);
  const wrong = multiples.find((multiple) => multiple < 1);
  if (wrong !== undefined) context.refuse('multiples of 1 and more', `${wrong}`);
  context.output('tile', [x.value], { multiples });
}

function broadcastTo(context: ConvertContext): void {
  const x = movedInput(context, 0);
  context.output('broadcast_to', [x.value], { shape: newShape(context, 1) });
}

/** One value everywhere. */
function fill(context: ConvertContext): void {
  const value = movedInput(context, 1);
  if (value.type.shape.length !== 0) context.refuse('one value without dimensions', typeText(value.type));
  context.output('broadcast_to', [value.value], { shape: newShape(context, 0) });
}

function newShape(context: ConvertContext, index: number): number[] {
  const shape = context.constantNumbers(index, 'the new shape');
  if (shape.some((extent) => extent < 1)) context.refuse('extents of 1 and more', `[${shape.join(', ')}]`);
  return shape;
}

/** Shapes are static, so this is a constant. */
function shapeOf(context: ConvertContext): void {
  const { shape } = context.input(0, 'the tensor').type;
  const dtype = context.outputs[0]?.type.dtype === 'i64' ? 'i64' : 'i32';
  const data = newData(dtype, shape.length);
  shape.forEach((extent, axis) => {
    data[axis] = dtype === 'i64' ? BigInt(extent) : extent;
  });
  context.forward(0, context.constant({ dtype, shape: [shape.length], quant: { kind: 'none' } }, data));
}

export const MOVEMENT_CONVERTERS = {
  RESHAPE: reshape,
  SQUEEZE: squeeze,
  EXPAND_DIMS: expandDims,
  TRANSPOSE: transpose,
  CONCATENATION: concatenation,
  PACK: pack,
  GATHER: gather,
  TILE: tile,
  BROADCAST_TO: broadcastTo,
  FILL: fill,
  SHAPE: shapeOf,
  ...SLICE_CONVERTERS,
  ...BLOCK_CONVERTERS,
} satisfies Converters;
