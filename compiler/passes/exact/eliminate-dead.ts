import { z } from 'zod';
import type { Node, ValueName } from '../../../ir/tensor/graph.ts';
import { definePass, type Facts } from '../pass.ts';

/** The node, and those before it that nothing else reads. */
function withItsProducers(facts: Facts, node: Node): Node[] {
  const dropped = new Set([node]);
  const isUnread = (value: ValueName) =>
    !facts.isKept(value) && (facts.consumers.get(value) ?? []).every((reader) => dropped.has(reader));
  for (const reader of dropped) {
    for (const value of reader.inputs) {
      const producer = facts.producers.get(value);
      if (producer?.outputs.every(isUnread)) dropped.add(producer);
    }
  }
  return [...dropped];
}

export const eliminateDead = definePass({
  name: 'exact/eliminate-dead',
  doc: 'node, constant or state → nothing, when nothing reads what it defines. Inputs of the graph stay.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [
    {
      name: 'state',
      at: 'state',
      when: ({ facts, state }) => !facts.isUsed(state.name) || `%${state.name} is read`,
      rewrite: ({ state }) => ({ drop: { states: [state.name] } }),
    },
    {
      name: 'node',
      at: 'node',
      when({ facts, node }) {
        const used = node.outputs.find((name) => facts.isUsed(name));
        return used === undefined || `%${used} is read`;
      },
      rewrite: ({ facts, node }) => ({ drop: { nodes: withItsProducers(facts, node) } }),
    },
    {
      name: 'constant',
      at: 'constant',
      when: ({ facts, name }) => !facts.isUsed(name) || `%${name} is read`,
      rewrite: ({ name }) => ({ drop: { constants: [name] } }),
    },
  ],
});
