import { z } from 'zod';
import { inputTypes, outputTypes, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { opRecord } from '../../../ir/tensor/ops/index.ts';
import { byteSize, DENSE, type TensorData, type TensorType } from '../../../ir/tensor/types.ts';
import { definePass, type NodeSite } from '../pass.ts';

const options = z.strictObject({
  /** Results of one node that take more bytes than this stay computed: flash would pay for what code can make. */
  maxBytes: z
    .number()
    .int()
    .min(0)
    .default(2 ** 24),
});
type Options = z.infer<typeof options>;

/** Results of at most this many bytes are small, whatever they are made of. */
const SMALL = 2 ** 16;
/** Weights that are widened grow up to this much: four bits to 32. */
const MOST_GROWTH = 8;

/** Whether results are so much larger than what they are made of (a FILL, a TILE) that they had better stay computed. */
export function isInflated(inputs: readonly TensorType[], outputs: readonly TensorType[]): boolean {
  const sizeOf = (types: readonly TensorType[]) => types.reduce((sum, type) => sum + byteSize(type), 0);
  const made = sizeOf(outputs);
  return made > SMALL && made > MOST_GROWTH * sizeOf(inputs);
}

function evaluateNode({ graph, node }: NodeSite): readonly TensorData[] {
  const types = inputTypes(graph, node);
  const data = (name: ValueName) => graph.constants.get(name)?.data as TensorData;
  return opRecord(node.op).evaluate({
    inputs: node.inputs.map((name, i) => ({ type: types[i] as (typeof types)[number], data: data(name) })),
    outputs: outputTypes(graph, node),
    attrs: node.attrs,
  });
}

function resultBytes({ graph, node }: NodeSite): number {
  return outputTypes(graph, node).reduce((sum, type) => sum + byteSize(type), 0);
}

export const foldConstants = definePass<Options>({
  name: 'exact/fold-constants',
  doc: '%y = op(constants) → const %y, when every operand is a dense constant and the results are at most maxBytes and not far larger than the operands.',
  kind: 'exact',
  options,
  rules: [
    {
      name: 'fold',
      at: 'node',
      when(site, { maxBytes }) {
        const { graph, node } = site;
        const variable = node.inputs.find((name) => !graph.constants.has(name));
        if (variable !== undefined) return `%${variable} is not a constant`;
        const encoded = node.inputs.find((name) => graph.constants.get(name)?.encoding.kind !== 'dense');
        if (encoded !== undefined) return `the encoding of %${encoded} would be lost`;
        const bytes = resultBytes(site);
        if (isInflated(inputTypes(graph, node), outputTypes(graph, node))) {
          return `the result has ${bytes} bytes, more than ${MOST_GROWTH} times what it is made of`;
        }
        return bytes <= maxBytes || `the result has ${bytes} bytes, more than maxBytes=${maxBytes}`;
      },
      rewrite(site) {
        const { graph, node } = site;
        const data = evaluateNode(site);
        return {
          drop: { nodes: [node] },
          add: {
            types: new Map(node.outputs.map((name) => [name, typeOfValue(graph, name)])),
            constants: new Map(node.outputs.map((name, i) => [name, { data: data[i] as TensorData, encoding: DENSE }])),
          },
        };
      },
    },
  ],
});
