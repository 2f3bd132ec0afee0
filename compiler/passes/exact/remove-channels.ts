import { z } from 'zod';
import type { Graph, Node, ValueName } from '../../../ir/tensor/graph.ts';
import { definePass, type Facts, type NodeSite, type Patch } from '../pass.ts';
import { type ChannelGroup, channelGroup } from './channels/groups.ts';
import { RangeAnalysis } from './channels/ranges.ts';
import { idleChannels, type Removal, twinChannels } from './channels/removal.ts';
import { removalPatch } from './channels/slice.ts';

type RuleName = 'idle' | 'twin';

/** A group with what the rules found out about it. */
interface Known {
  readonly group: ChannelGroup;
  readonly answers: Map<RuleName, Removal | string>;
}

/** What is known about a graph under change. Groups are walked once, and again when a patch changed one of their nodes. */
class ChannelFacts {
  readonly ranges: RangeAnalysis;
  private readonly facts: Facts;
  private readonly known = new Map<ValueName, Known>();

  constructor(graph: Graph, facts: Facts) {
    this.facts = facts;
    this.ranges = new RangeAnalysis(graph, facts);
  }

  private of(graph: Graph, node: Node): Known {
    const old = this.known.get(node.outputs[0]);
    if (old !== undefined) return old;
    const known: Known = { group: channelGroup(graph, this.facts, node), answers: new Map() };
    for (const value of known.group.values.keys()) this.known.set(value, known);
    return known;
  }

  answer(graph: Graph, node: Node, rule: RuleName): Removal | string {
    const { group, answers } = this.of(graph, node);
    const old = answers.get(rule);
    if (old !== undefined) return old;
    const answer = rule === 'idle' ? idleChannels(graph, group, this.ranges) : twinChannels(graph, group);
    answers.set(rule, answer);
    return answer;
  }

  patch(graph: Graph, node: Node, rule: RuleName): Patch {
    const { group } = this.of(graph, node);
    const patch = removalPatch(graph, this.facts, group, this.ranges, this.answer(graph, node, rule) as Removal);
    for (const { inputs, outputs } of patch.swap?.keys() ?? [])
      for (const value of [...inputs, ...outputs]) this.forget(value);
    return patch;
  }

  private forget(value: ValueName): void {
    for (const name of this.known.get(value)?.group.values.keys() ?? []) this.known.delete(name);
  }
}

const FACTS = new WeakMap<Facts, ChannelFacts>();

function factsOf({ graph, facts }: NodeSite): ChannelFacts {
  const known = FACTS.get(facts) ?? new ChannelFacts(graph, facts);
  FACTS.set(facts, known);
  return known;
}

const ON = ['conv2d', 'depthwise_conv2d', 'fully_connected'] as const;

function rule(name: RuleName) {
  return {
    name,
    at: 'node' as const,
    on: ON,
    // What a layer does not read may be all that a layer before it reads something for.
    backwards: true as const,
    when(site: NodeSite) {
      const answer = factsOf(site).answer(site.graph, site.node, name);
      return typeof answer === 'string' ? answer : (true as const);
    },
    rewrite: (site: NodeSite) => factsOf(site).patch(site.graph, site.node, name),
  };
}

export const removeChannels = definePass({
  name: 'exact/remove-channels',
  doc:
    'channels → fewer, when nothing reads them, when they have one value whatever the input and the next bias can take it ' +
    'over, or when they equal another channel that can take over their weights.',
  kind: 'exact',
  options: z.strictObject({}),
  rules: [rule('idle'), rule('twin')],
});
