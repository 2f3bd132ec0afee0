/** Converters by domain and operator. */
import { MAIN_DOMAIN } from '../model-file.ts';
import type { Converter, Converters } from '../node.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { ATTENTION, PREVIEW } from './attention.ts';
import { CAST } from './cast.ts';
import { COMPARE } from './compare.ts';
import { CONSTANT } from './constant.ts';
import { CONTROL } from './control.ts';
import { CONV } from './conv.ts';
import { FUNCTIONS } from './functions.ts';
import { INDEX } from './gather.ts';
import { LOSS } from './loss.ts';
import { MATMUL } from './matmul.ts';
import { ML } from './ml.ts';
import { MOVEMENT } from './movement.ts';
import { NORM } from './norm.ts';
import { POOL } from './pool.ts';
import { QUANTIZE } from './quantize.ts';
import { RECURRENT } from './recurrent.ts';
import { REDUCE } from './reduce.ts';
import { RESIZE } from './resize.ts';
import { SAMPLE } from './sample.ts';
import { SEQUENCE } from './sequence.ts';
import { SHAPE } from './shape.ts';
import { SIGNAL } from './signal.ts';
import { SLICE } from './slice.ts';
import { TEXT } from './text.ts';
import { TRAINING } from './training.ts';

const MAIN: Converters = {
  ...ARITHMETIC,
  ...CAST,
  ...COMPARE,
  ...CONSTANT,
  ...CONTROL,
  ...CONV,
  ...FUNCTIONS,
  ...INDEX,
  ...LOSS,
  ...MATMUL,
  ...MOVEMENT,
  ...NORM,
  ...POOL,
  ...REDUCE,
  ...SEQUENCE,
  ...SHAPE,
  ...ATTENTION,
  ...QUANTIZE,
  ...RECURRENT,
  ...RESIZE,
  ...SAMPLE,
  ...SIGNAL,
  ...SLICE,
  ...TEXT,
};

const DOMAINS: ReadonlyMap<string, ReadonlyMap<string, Converter>> = new Map([
  [MAIN_DOMAIN, new Map(Object.entries(MAIN))],
  ['ai.onnx.ml', new Map(Object.entries(ML))],
  ['ai.onnx.preview', new Map(Object.entries(PREVIEW))],
  ['ai.onnx.preview.training', new Map(Object.entries(TRAINING))],
]);

export function converterOf(domain: string, operator: string): Converter | undefined {
  return DOMAINS.get(domain)?.get(operator);
}

/** Every operator that has a converter, by domain. */
export function knownOperators(): ReadonlyMap<string, readonly string[]> {
  return new Map([...DOMAINS].map(([domain, converters]) => [domain, [...converters.keys()]]));
}
