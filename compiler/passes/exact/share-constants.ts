import { z } from 'zod';
import { type Constant, type Graph, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { encodingText, sameType, type TensorData } from '../../../ir/tensor/types.ts';
import { definePass } from '../pass.ts';

/** Bit-equal data: unlike `===` this tells 0 from -0 and takes a NaN for itself. */
function sameBytes(a: TensorData, b: TensorData): boolean {
  if (a.byteLength !== b.byteLength) return false;
  const x = new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
  const y = new Uint8Array(b.buffer, b.byteOffset, b.byteLength);
  return x.every((byte, i) => byte === y[i]);
}

/** The first constant that could stand for this one, if one comes before it. */
function twinOf(graph: Graph, name: ValueName, constant: Constant): ValueName | undefined {
  const type = typeOfValue(graph, name);
  for (const [other, candidate] of graph.constants) {
    if (other === name) return undefined;
    if (
      typeOfValue(graph, other).dtype === type.dtype &&
      sameBytes(candidate.data, constant.data) &&
      encodingText(candidate.encoding) === encodingText(constant.encoding) &&
      sameType(typeOfValue(graph, other), type)
    ) {
      return other;
    }
  }
  return undefined;
}

export const shareConstants = definePass({
  name: 'exact/share-constants',
  doc: 'two constants → one, when type, encoding and bytes are the same and the second is not an output.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'share',
      at: 'constant',
      when({ graph, facts, name, constant }) {
        if (facts.isOutput(name)) return `%${name} is an output`;
        return twinOf(graph, name, constant) !== undefined || `no constant before %${name} equals it`;
      },
      rewrite({ graph, name, constant }) {
        const twin = twinOf(graph, name, constant) as ValueName;
        return { drop: { constants: [name] }, replace: new Map([[name, twin]]) };
      },
    },
  ],
});
