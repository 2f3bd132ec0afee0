/** Short ways to state operator cases. Tensors need no names or indices here: they follow from their places. */
import type { InputSpec, OpCase, Reference } from '../opcases.ts';
import type { ModelSpec, OpSpec, TensorData, TensorSpec } from '../tflite-writer.ts';
import type { OperatorName, OptionsOf, TensorTypeName } from './schema.ts';

export type Tensor = Omit<TensorSpec, 'name'>;

/** A tensor, quantized when `scale` is given: `tensor('i8', [1, 4], 0.05, -3)`. */
export function tensor(type: TensorTypeName, shape: readonly number[], scale?: number, zeroPoint = 0): Tensor {
  return scale === undefined ? { type, shape } : { type, shape, scale: [scale], zeroPoint: [zeroPoint] };
}

export function constant(base: Tensor, data: TensorData): Tensor {
  return { ...base, data };
}

/** A one-dimensional i32 constant: axes, paddings, permutations, shapes. */
export function ints(...values: readonly number[]): Tensor {
  return { type: 'i32', shape: [values.length], data: values };
}

export function scalar(type: TensorTypeName, value: number): Tensor {
  return { type, shape: [], data: [value] };
}

export interface CaseOptions<K extends OperatorName> {
  readonly options?: OptionsOf<K>;
  readonly intermediates?: readonly Tensor[];
  readonly inputs?: readonly InputSpec[];
  readonly runs?: number;
  readonly reference?: Reference;
}

/**
 * A model of one operator. Inputs without data are the model's inputs (`null` is an absent optional input, variables
 * are state); all outputs are the model's outputs.
 */
export function opCase<K extends OperatorName>(
  name: string,
  op: K,
  inputs: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
  extra: CaseOptions<K> = {},
): OpCase {
  return {
    name,
    model: singleOp(op, inputs, outputs, extra),
    ...(extra.inputs === undefined ? {} : { inputs: extra.inputs }),
    runs: extra.runs ?? 1,
    reference: extra.reference ?? 'tflm',
  };
}

function singleOp<K extends OperatorName>(
  op: K,
  inputs: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
  extra: CaseOptions<K>,
): ModelSpec {
  const tensors: TensorSpec[] = [];
  const add = (tensor: Tensor, name: string) => tensors.push({ ...tensor, name }) - 1;
  const inputIndices = inputs.map((tensor, i) => (tensor === null ? -1 : add(tensor, `input${i}`)));
  const outputIndices = outputs.map((tensor, i) => add(tensor, `output${i}`));
  const intermediates = extra.intermediates?.map((tensor, i) => add(tensor, `intermediate${i}`));
  const isModelInput = (i: number) => i >= 0 && tensors[i].data === undefined && tensors[i].isVariable !== true;
  const operator = {
    op,
    inputs: inputIndices,
    outputs: outputIndices,
    ...(extra.options === undefined ? {} : { options: extra.options }),
    ...(intermediates === undefined ? {} : { intermediates }),
  } as OpSpec;
  const modelInputs = [...new Set(inputIndices.filter(isModelInput))];
  return { subgraphs: [{ tensors, operators: [operator], inputs: modelInputs, outputs: outputIndices }] };
}
