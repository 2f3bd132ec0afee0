/** From what a file holds to the numbers of one input: the steps of `preprocess`, fitted to the input's shape. */
import { elementCount, sameShape, type TensorType, typeText } from '../../ir/tensor/types.ts';
import { DataError } from './error.ts';
import { type ChannelOrder, cropped, fromPlanes, type Raster, reordered, resized, toPlanes } from './raster.ts';
import type { DataRecord } from './record.ts';
import type { Preprocess } from './spec.ts';

/** The numbers for an input of this type, in its order. Throws DataError naming the record when the shapes do not fit. */
export function prepare(record: DataRecord, type: TensorType, steps: Preprocess): Float64Array {
  const isImage = record.kind === 'image' || steps.resize !== undefined || steps.crop !== undefined;
  const isChanneled = steps.channels !== undefined || steps.layout !== undefined;
  if (isImage || isChanneled) return prepareImage(record, type, steps);
  const sound = record.kind === 'audio' || steps.length !== undefined ? prepareSound(record, steps) : record;
  const shape = withoutOnes(sound.shape);
  const wanted = withoutOnes(type.shape);
  const isFlat = shape.length <= 1 && elementCount(shape) === elementCount(wanted);
  if (!isFlat && !sameShape(shape, wanted)) {
    if (sound.shape.length === 2 || sound.shape.length === 3) return prepareImage(record, type, steps);
    throw shapeFault(record, type, `a sample of shape [${sound.shape}]`);
  }
  const last = sound.shape.at(-1) ?? 1;
  return normalised(Float64Array.from(sound.values), last, steps, record.name);
}

function withoutOnes(shape: readonly number[]): number[] {
  return shape.filter((extent) => extent !== 1);
}

function prepareSound(record: DataRecord, { samplesPerSecond, length }: Preprocess): DataRecord {
  if (samplesPerSecond !== undefined && record.samplesPerSecond !== samplesPerSecond) {
    throw new DataError({
      file: record.name,
      expected: `${samplesPerSecond} samples per second`,
      found: String(record.samplesPerSecond ?? 'data without a rate'),
      advice: 'resample it; mcc does not',
    });
  }
  if (length === undefined) return record;
  const values = new Float64Array(length);
  values.set(record.values.subarray(0, length));
  return { ...record, shape: [length], values };
}

function prepareImage(record: DataRecord, type: TensorType, steps: Preprocess): Float64Array {
  let image = rasterOf(record, steps);
  if (steps.resize !== undefined) image = resized(image, steps.resize, record.name);
  if (steps.crop !== undefined) image = cropped(image, steps.crop, record.name);
  const place = placeIn(type, image);
  if (place === undefined) throw shapeFault(record, type, `an image of ${image.height} x ${image.width} pixels`);
  const order = steps.channels ?? (record.kind === 'image' ? naturalOrder(place.channels) : undefined);
  if (order !== undefined) image = reordered(image, order);
  if (image.channels !== place.channels) throw shapeFault(record, type, `an image of ${image.channels} channels`);
  image = { ...image, values: normalised(image.values, image.channels, steps, record.name) };
  return place.isPlanar ? toPlanes(image) : image.values;
}

function rasterOf(record: DataRecord, { layout }: Preprocess): Raster {
  const values = Float64Array.from(record.values);
  // A stored batch of one, or a plain matrix.
  const shape = record.shape.length === 4 && record.shape[0] === 1 ? record.shape.slice(1) : record.shape;
  const [a, b, c] = shape as [number, number, number];
  if (shape.length === 2) return { height: a, width: b, channels: 1, values };
  if (shape.length === 3) {
    return layout === 'chw' ? fromPlanes(values, a, b, c) : { height: a, width: b, channels: c, values };
  }
  throw new DataError({
    file: record.name,
    expected: 'an image: an array of rank 2 or 3',
    found: `shape [${record.shape}]`,
    advice: 'leave out the steps for images (layout, resize, crop, channels)',
  });
}

/** How an input holds images of this size; undefined when it does not. Where both orders fit, channels are last. */
function placeIn({ shape }: TensorType, { height, width }: Raster) {
  const image = shape.length === 4 && shape[0] === 1 ? shape.slice(1) : shape;
  const [a, b, c] = image as [number, number, number];
  if (image.length === 2 && a === height && b === width) return { channels: 1, isPlanar: false };
  if (image.length !== 3) return undefined;
  if (a === height && b === width) return { channels: c, isPlanar: false };
  return b === height && c === width ? { channels: a, isPlanar: true } : undefined;
}

function naturalOrder(channels: number): ChannelOrder | undefined {
  return ({ 1: 'gray', 3: 'rgb', 4: 'rgba' } as const)[channels];
}

/** (x * scale + offset - mean) / std, each one number or one for each channel, the last axis of `values`. */
function normalised(values: Float64Array, channels: number, steps: Preprocess, file: string): Float64Array {
  const { scale, offset, mean, std } = steps;
  const factor = (value: number | number[] | undefined, name: string, neutral: number): ArrayLike<number> => {
    if (!Array.isArray(value)) return new Array<number>(channels).fill(value ?? neutral);
    if (value.length === channels) return value;
    const found = `${value.length} for ${channels} channels`;
    throw new DataError({ file, expected: `one number in preprocess.${name}, or one for each channel`, found });
  };
  const [scales, offsets] = [factor(scale, 'scale', 1), factor(offset, 'offset', 0)];
  const [means, stds] = [factor(mean, 'mean', 0), factor(std, 'std', 1)];
  for (let i = 0; i < values.length; i++) {
    const c = i % channels;
    const x = (values[i] as number) * (scales[c] as number) + (offsets[c] as number);
    values[i] = (x - (means[c] as number)) / (stds[c] as number);
  }
  return values;
}

function shapeFault(record: DataRecord, type: TensorType, found: string): DataError {
  const isImage = record.kind === 'image' || record.shape.length === 2 || record.shape.length === 3;
  const isLong = (type.shape[0] ?? 1) > 1 && type.shape.length > 1;
  return new DataError({
    file: record.name,
    expected: `a sample that fills ${typeText(type)}`,
    found,
    advice: isLong
      ? 'build the model for a batch of 1'
      : isImage
        ? 'state preprocess: resize, crop, channels or layout'
        : record.kind === 'audio'
          ? 'state preprocess.length, and check the sampling rate'
          : 'choose other columns or another array',
  });
}
