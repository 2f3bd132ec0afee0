/**
 * What an op record says. One record per op is the only place that knows the op's meaning: its formula, attributes, the
 * types it accepts, its shape inference and its reference evaluation. Everything else (verifier, importers' refusals,
 * `mcc ops`, documentation) is derived from the records.
 */
import type { z } from 'zod';
import type { DType, Tensor, TensorData, TensorType } from './types.ts';

/** The element types of one accepted form, inputs before outputs; `signature('i8 i8 i32? -> i8')`. */
export interface Signature {
  readonly inputs: readonly { readonly dtype: DType; readonly optional: boolean; readonly repeated: boolean }[];
  readonly outputs: readonly DType[];
  readonly text: string;
}

/** Facts that shared code asks for instead of op names. */
export interface Traits {
  /** Every output element depends only on the input elements at the same (broadcast) index. */
  readonly elementwise?: boolean;
  /** Moves elements unchanged: input and output have the same dtype and quantization. */
  readonly movement?: boolean;
  /** Output bytes are the input's bytes in the same order, so both may be one buffer. */
  readonly alias?: boolean;
  /** Operands 0 and 1 may be swapped without changing a bit of the result. */
  readonly commutative?: boolean;
}

export interface InferContext<A> {
  readonly inputs: readonly TensorType[];
  readonly attrs: A;
  /** Values of inputs that are constants, for ops whose result shape depends on them. */
  readonly constant: (input: number) => TensorData | undefined;
}

export interface EvaluateContext<A> {
  readonly inputs: readonly Tensor[];
  /** Declared result types; their quantization is part of the op's meaning. */
  readonly outputs: readonly TensorType[];
  readonly attrs: A;
}

// biome-ignore lint/suspicious/noExplicitAny: attributes differ per op; `defineOp` checks each record on its own
export interface OpRecord<A = any> {
  /** One paragraph: the formula, and what NaN, overflow and rounding do. */
  readonly doc: string;
  readonly attrs: z.ZodType<A>;
  /** Names of the operands; a trailing `?` marks one that may be left out, a trailing `*` one that repeats. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly signatures: readonly Signature[];
  readonly traits: Traits;
  /** The shapes of the results; their dtypes are declared by the node and checked against the signatures. Throws OpError. */
  readonly infer: (context: InferContext<A>) => readonly (readonly number[])[];
  /** Laws beyond dtypes and shapes (quantization, mostly): the reason a node breaks one, or undefined. */
  readonly check?: (context: {
    readonly inputs: readonly TensorType[];
    readonly outputs: readonly TensorType[];
    readonly attrs: A;
  }) => string | undefined;
  /** Multiply-accumulates of one evaluation, for ops that are made of them. */
  readonly macs?: (context: {
    readonly inputs: readonly TensorType[];
    readonly outputs: readonly TensorType[];
  }) => number;
  /** The definition. Every engine and target gives exactly these values. */
  readonly evaluate: (context: EvaluateContext<A>) => readonly TensorData[];
}

/** A violated precondition of an op, worded for the user: what was expected and what was found. */
export class OpError extends Error {
  override name = 'OpError';
}

/** Checks a record's attribute type while keeping its own. */
export function defineOp<A>(record: OpRecord<A>): OpRecord<A> {
  return record;
}

/** Parses `'i8 i8 i32? -> i8'`: `?` optional (trailing only), `*` repeated one or more times. */
export function signature(text: string): Signature {
  const [left = '', right = ''] = text.split('->');
  const words = (side: string) => side.trim().split(/\s+/).filter(Boolean);
  return {
    inputs: words(left).map((word) => ({
      dtype: word.replace(/[?*]$/, '') as DType,
      optional: word.endsWith('?'),
      repeated: word.endsWith('*'),
    })),
    outputs: words(right) as DType[],
    text,
  };
}

/** One signature per dtype of `dtypes`, which stands where `text` says T. */
export function signaturesFor(text: string, dtypes: readonly DType[]): Signature[] {
  return dtypes.map((dtype) => signature(text.replaceAll('T', dtype)));
}

/** Whether the element types fit a signature. */
export function matches(sig: Signature, inputs: readonly DType[], outputs: readonly DType[]): boolean {
  let position = 0;
  for (const slot of sig.inputs) {
    if (slot.repeated) {
      const first = position;
      while (position < inputs.length && inputs[position] === slot.dtype) position++;
      if (position === first) return false;
    } else if (position < inputs.length) {
      if (inputs[position] !== slot.dtype) return false;
      position++;
    } else if (!slot.optional) return false;
  }
  return (
    position === inputs.length &&
    outputs.length === sig.outputs.length &&
    outputs.every((dtype, i) => dtype === sig.outputs[i])
  );
}
