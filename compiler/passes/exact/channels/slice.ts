/** The patch that takes channels out of a group: all its values, weights, biases and scales at once. */
import {
  type Constant,
  type Graph,
  inputTypes,
  type Node,
  typeOfValue,
  type ValueName,
} from '../../../../ir/tensor/graph.ts';
import { inputZeroPoint } from '../../../../ir/tensor/ops/conv.ts';
import { DENSE, NO_QUANT, newData, type TensorData, type TensorType } from '../../../../ir/tensor/types.ts';
import type { Facts, Patch } from '../../pass.ts';
import { type ChannelGroup, isWeighted, type Weighted } from './groups.ts';
import type { RangeAnalysis } from './ranges.ts';
import { foldable, placesOf, type Removal, weightLayout, zeroOfRow } from './removal.ts';

export function removalPatch(
  graph: Graph,
  facts: Facts,
  group: ChannelGroup,
  ranges: RangeAnalysis,
  removal: Removal,
): Patch {
  const slicer = new Slicer(graph, facts, group, ranges, removal);
  return { ...slicer.patch(), why: removal.why };
}

/** The type with some places of one axis only; scales along that axis go with them. */
function sliceType(type: TensorType, axis: number, kept: readonly number[]): TensorType {
  const { quant } = type;
  const shape = type.shape.with(axis, kept.length);
  const pick = <T>(list: readonly T[]) => (list.length === 1 ? list : kept.map((i) => list[i]));
  if (!('axis' in quant) || quant.axis !== axis) return { ...type, shape };
  switch (quant.kind) {
    case 'affine':
      return { ...type, shape, quant: { ...quant, scale: pick(quant.scale), zeroPoint: pick(quant.zeroPoint) } };
    case 'fixed':
      return { ...type, shape, quant: { ...quant, fraction: pick(quant.fraction) } };
    default:
      return { ...type, shape, quant: { ...quant, alpha: pick(quant.alpha) } };
  }
}

function sliceData(type: TensorType, data: TensorData, axis: number, kept: readonly number[]): TensorData {
  const extent = type.shape[axis];
  const inner = type.shape.slice(axis + 1).reduce((count, n) => count * n, 1);
  const outer = data.length / (extent * inner);
  const result = newData(type.dtype, outer * kept.length * inner);
  for (let o = 0; o < outer; o++) {
    kept.forEach((place, i) => {
      const start = (o * extent + place) * inner;
      result.set(data.subarray(start, start + inner) as never, (o * kept.length + i) * inner);
    });
  }
  return result;
}

class Slicer {
  private readonly graph: Graph;
  private readonly facts: Facts;
  private readonly group: ChannelGroup;
  private readonly ranges: RangeAnalysis;
  private readonly removal: Removal;
  private readonly types = new Map<ValueName, TensorType>();
  private readonly constants = new Map<ValueName, Constant>();
  private readonly dropped = new Set<ValueName>();

  constructor(graph: Graph, facts: Facts, group: ChannelGroup, ranges: RangeAnalysis, removal: Removal) {
    this.graph = graph;
    this.facts = facts;
    this.group = group;
    this.ranges = ranges;
    this.removal = removal;
  }

  patch(): Patch {
    const { sources, through, sinks } = this.group;
    const swap = new Map<Node, Node>();
    for (const node of new Set<Node>([...sources, ...through, ...sinks])) {
      const isTouched = [node.outputs[0], ...node.inputs].some((value) => this.kept(value) !== undefined);
      if (isTouched) swap.set(node, this.sliced(node));
    }
    return {
      swap,
      drop: { constants: [...this.dropped] },
      add: { types: this.types, constants: this.constants },
    };
  }

  /** The places that a value keeps along its last axis; undefined when it is no value of the group or loses none. */
  private kept(value: ValueName): number[] | undefined {
    const ids = this.group.values.get(value);
    if (ids === undefined) return undefined;
    const kept = [...ids.keys()].filter((c) => !this.removal.removed.has(ids[c]));
    return kept.length === ids.length ? undefined : kept;
  }

  private sliced(node: Node): Node {
    const type = typeOfValue(this.graph, node.outputs[0]);
    const kept = this.kept(node.outputs[0]);
    const last = type.shape.length - 1;
    const result = kept === undefined ? type : sliceType(type, last, kept);
    this.types.set(node.outputs[0], result);
    if (isWeighted(node)) return this.weighted(node, kept);
    if (kept === undefined) return node;
    const inputs = node.inputs.map((name, position) => this.operand(node, name, position, kept, type.shape[last]));
    switch (node.op) {
      case 'reshape':
        return { ...node, inputs, attrs: { shape: [...result.shape] } };
      case 'slice':
        return { ...node, inputs, attrs: { ...node.attrs, size: node.attrs.size.with(-1, kept.length) } };
      default:
        return { ...node, inputs } as Node;
    }
  }

  /** An operand of a node that computes each channel by itself: constants along the channels lose theirs. */
  private operand(node: Node, name: ValueName, position: number, kept: number[], channels: number): ValueName {
    const constant = this.graph.constants.get(name);
    if (constant === undefined) return name;
    const type = typeOfValue(this.graph, name);
    const isBias = node.op === 'depthwise_conv2d' && position === 2;
    const axis = isBias ? type.shape.indexOf(channels) : type.shape.length - 1;
    if (type.shape[axis] !== channels) return name;
    const data = sliceData(type, constant.data, axis, kept);
    return this.constant(node, name, sliceType(type, axis, kept), data);
  }

  /** A convolution or matrix product that loses rows, columns or both. */
  private weighted(node: Weighted, keptRows: number[] | undefined): Weighted {
    const { graph } = this;
    const [, w, bias] = inputTypes(graph, node);
    const isSink = this.group.sinks.has(node);
    const merged = isSink ? this.mergedWeights(node) : undefined;
    const rows = keptRows ?? [...Array(w.shape[0]).keys()];
    const columns = isSink ? this.keptColumns(node) : undefined;
    const last = w.shape.length - 1;
    let type = sliceType(w, 0, rows);
    let data = sliceData(w, merged?.weights ?? (graph.constants.get(node.inputs[1]) as Constant).data, 0, rows);
    if (columns !== undefined) {
      data = sliceData(type, data, last, columns);
      type = sliceType(type, last, columns);
    }
    const inputs = [node.inputs[0], this.constant(node, node.inputs[1], type, data)];
    const biasData = merged?.bias ?? (bias && (graph.constants.get(node.inputs[2]) as Constant).data);
    if (biasData !== undefined) {
      const full: TensorType = bias ?? { dtype: biasDtype(node), shape: [w.shape[0]], quant: NO_QUANT };
      const axis = full.shape.indexOf(w.shape[0]);
      const values = sliceData(full, biasData, axis, rows);
      inputs.push(this.constant(node, node.inputs[2], sliceType(full, axis, rows), values));
    }
    return { ...node, inputs } as Weighted;
  }

  private keptColumns(node: Weighted): number[] {
    const { columns, channels } = weightLayout(this.graph, node);
    const ids = this.group.values.get(node.inputs[0]) as Int32Array;
    return [...Array(columns).keys()].filter((column) => !this.removal.removed.has(ids[column % channels]));
  }

  /** Weights with twins added up, and the bias with constants taken over; undefined where they stay as they are. */
  private mergedWeights(node: Weighted): { weights: TensorData; bias: TensorData | undefined } {
    const { graph, removal } = this;
    const layout = weightLayout(graph, node);
    const { rows, taps, columns, channels } = layout;
    const weights = (layout.weights as Int8Array).slice();
    const values = foldable(graph, this.ranges, node);
    const zero = inputZeroPoint(typeOfValue(graph, node.inputs[0]));
    const ids = this.group.values.get(node.inputs[0]) as Int32Array;
    const places = placesOf(this.group, node.inputs[0]);
    const sums = new Array<number>(rows).fill(0);
    ids.forEach((id, c) => {
      if (!removal.removed.has(id)) return;
      const twin = removal.twins.get(id);
      const other = twin === undefined ? undefined : places.get(twin)?.[places.get(id)?.indexOf(c) as number];
      for (let row = 0; row < rows; row++) {
        const weightZero = zeroOfRow(layout, row);
        const end = (row + 1) * taps * columns;
        for (let at = row * taps * columns + c; at < end; at += channels) {
          const weight = layout.weights[at] - weightZero;
          if (other !== undefined) weights[at - c + other] += weight;
          else if (weight !== 0) sums[row] += weight * ((values.get(c) as number) - zero);
        }
      }
    });
    return { weights, bias: sums.some((sum) => sum !== 0) ? this.raisedBias(node, sums) : undefined };
  }

  /** Accumulators of 32 bits wrap, so the bias may too. */
  private raisedBias(node: Weighted, sums: readonly number[]): TensorData {
    const bias = this.graph.constants.get(node.inputs[2])?.data;
    const dtype = bias instanceof BigInt64Array ? 'i64' : biasDtype(node);
    const data = newData(dtype, sums.length);
    sums.forEach((sum, row) => {
      const old = bias === undefined ? 0 : bias[row];
      data[row] = dtype === 'i64' ? BigInt(old) + BigInt(sum) : (Number(old) + sum) | 0;
    });
    return data;
  }

  /** Defines the constant in the place of one that only this node reads, or beside it. */
  private constant(node: Node, old: ValueName | undefined, type: TensorType, data: TensorData): ValueName {
    const readers = old === undefined ? [] : (this.facts.consumers.get(old) ?? []);
    const isOwn = readers.length === 1 && node.inputs.indexOf(old as string) === node.inputs.lastIndexOf(old as string);
    let name = old ?? `${node.outputs[0]}.bias`;
    if (old !== undefined && isOwn) this.dropped.add(old);
    else
      for (let n = 1; this.graph.types.has(name) || this.types.has(name); n++) name = `${old ?? node.outputs[0]}.${n}`;
    this.types.set(name, type);
    this.constants.set(name, { data, encoding: DENSE });
    return name;
  }
}

function biasDtype(node: Weighted): 'i32' | 'i64' {
  return node.attrs.accumulator === 'i64' ? 'i64' : 'i32';
}
