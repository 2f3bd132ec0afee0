/** What tells the channels of a group apart: two of one signature compute the same values from the same operands. */
import { type Graph, type Node, typeOfValue } from '../../../../ir/tensor/graph.ts';
import { elementCount, type TensorData, type TensorType } from '../../../../ir/tensor/types.ts';
import { type ChannelGroup, isWeighted } from './groups.ts';

/** Signatures of the given channels, in the order in which they first occur. */
export function channelSignatures(
  graph: Graph,
  group: ChannelGroup,
  channels: ReadonlySet<number>,
): ReadonlyMap<number, string> {
  const parts = new Map<number, string[]>();
  [...group.values].forEach(([value, ids], v) => {
    const type = typeOfValue(graph, value);
    ids.forEach((id, c) => {
      if (!channels.has(id)) return;
      if (!parts.has(id)) parts.set(id, []);
      parts.get(id)?.push(`v${v}${quantAt(type, c)}`);
    });
  });
  [...group.sources, ...group.through].forEach((node, n) => {
    const ids = group.values.get(node.outputs[0]) as Int32Array;
    const texts = constantsPerChannel(graph, node, ids.length);
    ids.forEach((id, c) => {
      parts.get(id)?.push(`n${n}:${texts.map((text) => text(c)).join(':')}`);
    });
  });
  return new Map(Array.from(parts, ([id, list]) => [id, list.join(';')]));
}

/** For each constant operand of the node, its bytes and scales that belong to a channel of the result. */
function constantsPerChannel(graph: Graph, node: Node, channels: number): ((channel: number) => string)[] {
  return node.inputs.flatMap((name, position) => {
    const constant = graph.constants.get(name);
    if (constant === undefined) return [];
    const type = typeOfValue(graph, name);
    if (isWeighted(node) && position === 1) return [rows(constant.data, type)];
    return elementCount(type.shape) % channels === 0 ? [columns(constant.data, type, channels)] : [];
  });
}

function rows(data: TensorData, type: TensorType): (channel: number) => string {
  const length = data.length / type.shape[0];
  return (channel) => {
    const row = data.subarray(channel * length, (channel + 1) * length);
    return `${Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('latin1')}${quantAt(type, channel)}`;
  };
}

/** Constants whose elements, taken in turn, belong to the channels in turn; also a bias. */
function columns(data: TensorData, type: TensorType, channels: number): (channel: number) => string {
  return (channel) => {
    const own: (number | bigint | string)[] = [];
    for (let i = channel; i < data.length; i += channels) own.push(Object.is(data[i], -0) ? '-0' : data[i]);
    return `${own.join(',')}${quantAt(type, channel)}`;
  };
}

/** Scale and zero point of a channel, where they differ between channels. */
function quantAt({ quant }: TensorType, channel: number): string {
  if (quant.kind !== 'affine' || quant.axis === undefined) return '';
  return `@${quant.scale[channel]},${quant.zeroPoint[channel] ?? quant.zeroPoint[0]}`;
}
