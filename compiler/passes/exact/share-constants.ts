import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Constant, type Graph, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import { encodingText, typeText } from '../../../ir/tensor/types.ts';
import { type ConstantSite, definePass, type Facts } from '../pass.ts';

/** Type, encoding and a digest of the bytes: unlike `===` these tell 0 from -0 and take a NaN for itself. */
function identityOf(graph: Graph, name: ValueName, { data, encoding }: Constant): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const digest = createHash('sha256').update(bytes).digest('base64');
  return `${typeText(typeOfValue(graph, name))} ${encodingText(encoding)} ${digest}`;
}

/** The first constant of each identity. The pass only drops others, so one look at the graph is enough. */
const FIRST = new WeakMap<Facts, ReadonlyMap<ValueName, ValueName>>();

/** The first constant that could stand for this one, if one comes before it. */
function twinOf({ graph, facts, name }: ConstantSite): ValueName | undefined {
  let twins = FIRST.get(facts);
  if (twins === undefined) {
    const first = new Map<string, ValueName>();
    const found = new Map<ValueName, ValueName>();
    for (const [other, constant] of graph.constants) {
      const identity = identityOf(graph, other, constant);
      const twin = first.get(identity);
      if (twin === undefined) first.set(identity, other);
      else found.set(other, twin);
    }
    twins = found;
    FIRST.set(facts, twins);
  }
  return twins.get(name);
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
      when(site) {
        const { facts, name } = site;
        if (facts.isOutput(name)) return `%${name} is an output`;
        return twinOf(site) !== undefined || `no constant before %${name} equals it`;
      },
      rewrite(site) {
        const twin = twinOf(site) as ValueName;
        return { drop: { constants: [site.name] }, replace: new Map([[site.name, twin]]) };
      },
    },
  ],
});
