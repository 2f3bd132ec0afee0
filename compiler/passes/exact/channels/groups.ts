/**
 * Which places along the last axes of which values are one and the same channel. From the results of a convolution or
 * matrix product the walk goes through every node that computes each channel by itself, up to the nodes that define
 * channels (sources: rows of weights) and those that sum over them (sinks: columns of weights).
 */
import { type Graph, inputTypes, type Node, typeOfValue, type ValueName } from '../../../../ir/tensor/graph.ts';
import { opRecord } from '../../../../ir/tensor/ops/index.ts';
import { isFloat } from '../../../../ir/tensor/types.ts';
import type { Facts } from '../../pass.ts';
import { channelCount } from './interval.ts';

/** Channels are numbers; the group's values map each place along their last axis to one. */
export interface ChannelGroup {
  readonly values: ReadonlyMap<ValueName, Int32Array>;
  readonly sources: ReadonlySet<Node>;
  readonly through: ReadonlySet<Node>;
  readonly sinks: ReadonlySet<Weighted>;
  /** Channels that must stay, and why. */
  readonly fixed: ReadonlyMap<number, string>;
}

/** A node whose weights lie in rows (output channels) of columns (input channels). */
export type Weighted = Node<'conv2d' | 'fully_connected'>;

export function channelGroup(graph: Graph, facts: Facts, source: Node): ChannelGroup {
  return new Walk(graph, facts).from(source.outputs[0]);
}

/** `count` pairs of places that hold the same channel: output place `out(i)`, operand place `in(i)`. */
interface Tie {
  readonly operand: ValueName;
  readonly count: number;
  readonly out: (i: number) => number;
  readonly in: (i: number) => number;
}

const same = (i: number) => i;

function straight(graph: Graph, operand: ValueName): Tie {
  return { operand, count: channelCount(typeOfValue(graph, operand)), out: same, in: same };
}

/** Whether passes may rewrite the constant: nothing else keeps it as it is. */
export function isPlainConstant(graph: Graph, facts: Facts, value: ValueName): boolean {
  return graph.constants.get(value)?.encoding.kind === 'dense' && !facts.isKept(value);
}

function hasPlainWeights(graph: Graph, facts: Facts, node: Node): boolean {
  return node.inputs.slice(1).every((value) => isPlainConstant(graph, facts, value));
}

export function isWeighted(node: Node): node is Weighted {
  return node.op === 'conv2d' || node.op === 'fully_connected';
}

/** Whether a depthwise convolution makes all its channels from one, so that each is a filter of its own. */
function isFilterBank(graph: Graph, node: Node): boolean {
  if (node.op !== 'depthwise_conv2d' || channelCount(typeOfValue(graph, node.inputs[0])) !== 1) return false;
  return channelCount(typeOfValue(graph, node.outputs[0])) > 1;
}

/** Why the results of a convolution or matrix product cannot lose channels by losing rows of weights. */
function sourceFault(graph: Graph, facts: Facts, node: Node): string | undefined {
  const [x, w] = inputTypes(graph, node);
  if (!hasPlainWeights(graph, facts, node)) return 'its weights or bias are not dense constants';
  if (node.op === 'conv2d' && channelCount(x) !== w.shape[3]) return 'it is grouped';
  return undefined;
}

/** Why the operand of a convolution or matrix product cannot lose channels by losing columns of weights. */
function sinkFault(graph: Graph, facts: Facts, node: Weighted): string | undefined {
  const [x, w] = inputTypes(graph, node);
  if (isFloat(x.dtype)) return 'in floats a weight of zero does not silence infinities and NaN';
  if (node.op === 'fully_connected' && w.shape[1] % channelCount(x) !== 0) return 'its rows begin at any channel';
  return sourceFault(graph, facts, node);
}

/** What ties the operands' channels to the result's; a reason where channels are not computed one by one. */
function tiesOf(graph: Graph, facts: Facts, node: Node): readonly Tie[] | string {
  const [x] = node.inputs;
  const fault = `%${node.outputs[0]} = ${node.op} mixes channels`;
  if (node.outputs.length !== 1) return fault;
  const y = typeOfValue(graph, node.outputs[0]);
  const last = y.shape.length - 1;
  switch (node.op) {
    case 'depthwise_conv2d': {
      if (!hasPlainWeights(graph, facts, node)) return `%${node.outputs[0]} has weights that are not dense constants`;
      if (isFilterBank(graph, node)) return [];
      const multiplier = channelCount(y) / channelCount(typeOfValue(graph, x));
      return [{ operand: x, count: channelCount(y), out: same, in: (i) => Math.floor(i / multiplier) }];
    }
    case 'average_pool2d':
    case 'max_pool2d':
    case 'resize_nearest':
    case 'resize_bilinear':
      return [straight(graph, x)];
    case 'reshape':
      return reshapeTies(graph, x, channelCount(y)) ?? fault;
    case 'pad':
    case 'mirror_pad':
      return node.attrs.before.at(-1) === 0 && node.attrs.after.at(-1) === 0 && last >= 0
        ? [straight(graph, x)]
        : fault;
    case 'transpose':
      return last >= 0 && node.attrs.permutation[last] === last ? [straight(graph, x)] : fault;
    case 'slice': {
      const { start, stride, size } = node.attrs;
      const isWhole = start.at(-1) === 0 && stride.at(-1) === 1 && size.at(-1) === channelCount(typeOfValue(graph, x));
      return isWhole && last >= 0 ? [straight(graph, x)] : fault;
    }
    case 'sum':
    case 'mean':
    case 'reduce_max':
    case 'reduce_min':
      return node.attrs.axes.includes(typeOfValue(graph, x).shape.length - 1) ? fault : [straight(graph, x)];
    case 'concat':
      return concatTies(graph, facts, node);
  }
  if (opRecord(node.op).traits.elementwise !== true) return fault;
  return elementwiseTies(graph, facts, node);
}

/** Row-major order keeps channels in turn when one count divides the other. */
function reshapeTies(graph: Graph, x: ValueName, outputs: number): Tie[] | undefined {
  const inputs = channelCount(typeOfValue(graph, x));
  if (outputs % inputs !== 0 && inputs % outputs !== 0) return undefined;
  return [{ operand: x, count: Math.max(inputs, outputs), out: (i) => i % outputs, in: (i) => i % inputs }];
}

function concatTies(graph: Graph, facts: Facts, node: Node<'concat'>): Tie[] | string {
  const rank = typeOfValue(graph, node.outputs[0]).shape.length;
  if (node.inputs.some((value) => !facts.producers.has(value))) return `%${node.outputs[0]} joins what is given`;
  if (node.attrs.axis !== rank - 1) return node.inputs.map((value) => straight(graph, value));
  let offset = 0;
  return node.inputs.map((value) => {
    const start = offset;
    const tie = straight(graph, value);
    offset += tie.count;
    return { ...tie, out: (i) => start + i };
  });
}

/** Operands of one channel are spread over all of the result's; constants are sliced with it. */
function elementwiseTies(graph: Graph, facts: Facts, node: Node): Tie[] | string {
  const channels = channelCount(typeOfValue(graph, node.outputs[0]));
  const wide = node.inputs.filter((value) => channelCount(typeOfValue(graph, value)) === channels);
  const constants = wide.filter((value) => graph.constants.has(value));
  if (!constants.every((value) => isPlainConstant(graph, facts, value))) {
    return `%${node.outputs[0]} reads a constant that is an output or encoded`;
  }
  return wide.filter((value) => !graph.constants.has(value)).map((value) => straight(graph, value));
}

class Walk {
  private readonly graph: Graph;
  private readonly facts: Facts;
  private readonly ids = new Map<ValueName, Int32Array>();
  private readonly parent: number[] = [];
  private readonly queue: ValueName[] = [];
  private readonly ties = new Map<Node, readonly Tie[] | string>();
  private readonly sources = new Set<Node>();
  private readonly sinks = new Set<Weighted>();
  private readonly through = new Set<Node>();
  private readonly fixedValues = new Map<ValueName, string>();

  constructor(graph: Graph, facts: Facts) {
    this.graph = graph;
    this.facts = facts;
  }

  from(value: ValueName): ChannelGroup {
    this.idsOf(value);
    for (let next = this.queue.pop(); next !== undefined; next = this.queue.pop()) this.visit(next);
    const values = new Map([...this.ids].map(([name, ids]) => [name, ids.map((id) => this.find(id))]));
    const fixed = new Map<number, string>();
    for (const [name, reason] of this.fixedValues)
      for (const id of values.get(name) as Int32Array) fixed.set(id, reason);
    const { sources, through, sinks } = this;
    return { values, sources, through, sinks, fixed };
  }

  private find(id: number): number {
    let root = id;
    while (this.parent[root] !== root) root = this.parent[root];
    for (let at = id; at !== root; ) {
      const up = this.parent[at];
      this.parent[at] = root;
      at = up;
    }
    return root;
  }

  private idsOf(value: ValueName): Int32Array {
    const known = this.ids.get(value);
    if (known !== undefined) return known;
    const ids = new Int32Array(channelCount(typeOfValue(this.graph, value)));
    ids.forEach((_, c) => {
      ids[c] = this.parent.length;
      this.parent.push(ids[c]);
    });
    this.ids.set(value, ids);
    this.queue.push(value);
    return ids;
  }

  private fix(value: ValueName, reason: string): void {
    this.fixedValues.set(value, reason);
  }

  private visit(value: ValueName): void {
    const { facts } = this;
    if (facts.isOutput(value)) this.fix(value, `%${value} is an output`);
    else if (facts.isKept(value)) this.fix(value, `%${value} becomes a state`);
    const producer = facts.producers.get(value);
    if (producer === undefined) this.fix(value, `%${value} is given`);
    else if (isWeighted(producer) || isFilterBank(this.graph, producer)) this.define(value, producer);
    else if (!this.tie(producer)) this.fix(value, this.ties.get(producer) as string);
    for (const reader of facts.consumers.get(value) ?? []) {
      if (isWeighted(reader)) this.read(value, reader);
      else if (!this.tie(reader)) this.fix(value, this.ties.get(reader) as string);
      else if (!(this.ties.get(reader) as readonly Tie[]).some(({ operand }) => operand === value)) {
        this.fix(value, `%${reader.outputs[0]} spreads it over channels`);
      }
    }
  }

  private define(value: ValueName, node: Node): void {
    const fault = sourceFault(this.graph, this.facts, node);
    if (fault === undefined) this.sources.add(node);
    else this.fix(value, `%${value} = ${node.op}: ${fault}`);
  }

  private read(value: ValueName, node: Weighted): void {
    const fault = node.inputs.indexOf(value, 1) >= 0 ? 'it is weights' : sinkFault(this.graph, this.facts, node);
    if (fault === undefined) this.sinks.add(node);
    else this.fix(value, `%${node.outputs[0]} = ${node.op} reads it: ${fault}`);
  }

  /** Makes channels of operands and result one; false when the node does not compute them one by one. */
  private tie(node: Node): boolean {
    const known = this.ties.get(node);
    if (known !== undefined) return typeof known !== 'string';
    const ties = tiesOf(this.graph, this.facts, node);
    this.ties.set(node, ties);
    if (typeof ties === 'string') return false;
    this.through.add(node);
    const out = this.idsOf(node.outputs[0]);
    for (const tie of ties) {
      const ids = this.idsOf(tie.operand);
      for (let i = 0; i < tie.count; i++) this.parent[this.find(ids[tie.in(i)])] = this.find(out[tie.out(i)]);
    }
    return true;
  }
}
