/** What a user says about data: where it lies and how it becomes the inputs of a model. Part of recipes and of `--data x.json`. */
import { z } from 'zod';

const positive = z.number().int().positive().max(65536);
/** One number for all channels, or one for each. */
const perChannel = z.union([z.number(), z.array(z.number()).min(1).max(4096)]);

/**
 * The steps are taken in the order of these fields. Real numbers come out, which the type of the model's input then turns
 * into what it stores: with its own scale and zero point where it is quantized, rounded where it is a plain integer.
 */
export const preprocessSchema = z.strictObject({
  /** `hwc` (the default) or `chw`: how arrays of rank 3 hold images. Image files need it not. */
  layout: z.enum(['hwc', 'chw']).optional(),
  /** Of images: to exactly this size, or until the shorter side has `shorter` pixels. */
  resize: z
    .union([
      z.strictObject({ height: positive, width: positive, method: z.enum(['bilinear', 'nearest']).optional() }),
      z.strictObject({ shorter: positive, method: z.enum(['bilinear', 'nearest']).optional() }),
    ])
    .optional(),
  /** Of images: this size from the middle, or from `top` and `left`. */
  crop: z
    .strictObject({
      height: positive,
      width: positive,
      top: z.number().int().nonnegative().optional(),
      left: z.number().int().nonnegative().optional(),
    })
    .optional(),
  /** Of sounds: refuses other sampling rates; nothing resamples. */
  samplesPerSecond: z.number().positive().optional(),
  /** Of sounds: this many samples; longer ones lose their end, shorter ones get zeros. */
  length: z
    .number()
    .int()
    .positive()
    .max(2 ** 26)
    .optional(),
  /** Of images: what the model expects in which order. */
  channels: z.enum(['gray', 'rgb', 'bgr', 'rgba']).optional(),
  /** x * scale + offset. */
  scale: perChannel.optional(),
  offset: perChannel.optional(),
  /** Then (x - mean) / std. */
  mean: perChannel.optional(),
  std: perChannel.optional(),
  /** `stored`: the numbers are what the model's input stores, not real numbers. */
  values: z.enum(['real', 'stored']).optional(),
});
export type Preprocess = z.infer<typeof preprocessSchema>;

/** A path; after `#` the array of a .npz file or the columns of a .csv file: `x.npz#images`, `t.csv#a,b`. */
const source = z.string().min(1);

export const dataSchema = z.strictObject({
  /** One source for a model with one input, or one for each input by name. */
  inputs: z.union([source, z.record(z.string(), source)]),
  /** Unless given, the folders that the files lie in are the classes. Of a .csv: the label's column, or file name and label. */
  labels: source.optional(),
  /** Names of the classes in the order of the model's outputs. Unless given: numbers, or the names that occur, sorted. */
  classes: z.array(z.string()).min(1).max(100_000).optional(),
  preprocess: preprocessSchema.optional(),
  /** By input, instead of `preprocess`. */
  preprocessOf: z.record(z.string(), preprocessSchema).optional(),
});
export type DataSpec = z.infer<typeof dataSchema>;
