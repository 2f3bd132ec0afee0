import { z } from 'zod';
import { definePass } from '../pass.ts';

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
      rewrite: ({ node }) => ({ drop: { nodes: [node] } }),
    },
    {
      name: 'constant',
      at: 'constant',
      when: ({ facts, name }) => !facts.isUsed(name) || `%${name} is read`,
      rewrite: ({ name }) => ({ drop: { constants: [name] } }),
    },
  ],
});
