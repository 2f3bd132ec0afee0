/** Ops of one 8-bit operand as tables of all they can give, for proofs by trying every case. */
import type { Node } from '../../../ir/tensor/graph.ts';
import { opRecord } from '../../../ir/tensor/ops/index.ts';
import { integerRange, newData, type TensorData, type TensorType } from '../../../ir/tensor/types.ts';

export function isByte({ dtype }: TensorType): boolean {
  return dtype === 'i8' || dtype === 'u8';
}

/** Whether the op gives each element from the operand's element alone, the same way everywhere. */
export function isUnaryByte(node: Node, x: TensorType, y: TensorType): boolean {
  const isUniform = ({ quant }: TensorType) => !('axis' in quant) || quant.axis === undefined;
  return (
    node.inputs.length === 1 &&
    opRecord(node.op).traits.elementwise === true &&
    isByte(x) &&
    isUniform(x) &&
    isUniform(y)
  );
}

/** Every stored value of an 8-bit type, lowest first. */
export function everyByte({ dtype }: TensorType): TensorData {
  const [low] = integerRange(dtype);
  return (newData(dtype, 256) as Int8Array).map((_, i) => low + i);
}

/** The results of the op for `data`, by default every stored value of its 8-bit operand. */
export function unaryTable(node: Node, x: TensorType, y: TensorType, data: TensorData = everyByte(x)): TensorData {
  const shape = [data.length];
  const context = { inputs: [{ type: { ...x, shape }, data }], outputs: [{ ...y, shape }], attrs: node.attrs };
  return opRecord(node.op).evaluate(context)[0];
}
