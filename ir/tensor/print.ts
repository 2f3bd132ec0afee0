/** Graphs as text. `parseGraph(printGraph(g))` is g, and equal graphs print the same bytes; README.md has the grammar. */
import { bytesOf } from './bytes.ts';
import type { Graph, Node, ValueName } from './graph.ts';
import { typeOfValue } from './graph.ts';
import { isOpName, opRecord } from './ops/index.ts';
import { isSimpleName, isWord } from './scan.ts';
import { encodingText, f32Text, type TensorData, type TensorType, typeText } from './types.ts';

export interface PrintOptions {
  /** For reading only: data of more than 16 elements prints as `…`, which the parser refuses. */
  readonly elide?: boolean;
}

/** Data up to this many elements prints as a list. */
const LIST_LENGTH = 16;

/** The graph in its canonical text, ending in a newline. Never throws for a graph whose values all have types. */
export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  const typed = (name: ValueName) => `${valueText(name)} : ${typeText(typeOfValue(graph, name))}`;
  const data = (name: ValueName, values: TensorData) =>
    dataText(typeOfValue(graph, name), values, options.elide === true);
  const lines = [
    ...graph.inputs.map((name) => `input ${typed(name)}`),
    ...Array.from(
      graph.constants,
      ([name, constant]) => `const ${typed(name)} ${encodingText(constant.encoding)} = ${data(name, constant.data)}`,
    ),
    ...graph.states.map((s) => `state ${typed(s.name)} = ${data(s.name, s.initial)} next ${valueText(s.next)}`),
    ...graph.nodes.map((node) =>
      nodeText(
        node,
        node.outputs.map((name) => typeOfValue(graph, name)),
      ),
    ),
    ...graph.outputs.map((name) => `output ${valueText(name)}`),
  ];
  const name = isWord(graph.name) ? graph.name : JSON.stringify(graph.name);
  return `graph ${name} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

/** `%name`, or `%"any string"` where the name is not made of letters, digits and `_./-`. */
export function valueText(name: ValueName): string {
  return `%${isSimpleName(name) ? name : JSON.stringify(name)}`;
}

/** `%y : i8[1,4] affine(0.5, 0) = add(%a, %b) {"activation":"none"}` */
export function nodeText(node: Node, outputs: readonly TensorType[]): string {
  const attrs = attrsText(node);
  const left = `${node.outputs.map(valueText).join(', ')} : ${outputs.map(typeText).join(', ')}`;
  return `${left} = ${node.op}(${node.inputs.map(valueText).join(', ')})${attrs === '{}' ? '' : ` ${attrs}`}`;
}

/** A node's attributes as JSON in the order of its op's schema; in their own order where the schema refuses them. */
export function attrsText(node: Node): string {
  const parsed = isOpName(node.op) ? opRecord(node.op).attrs.safeParse(node.attrs) : undefined;
  return jsonText(parsed?.success === true ? parsed.data : node.attrs);
}

/** JSON with the numbers that JSON lacks: -0, NaN and the infinities. Undefined properties are left out. */
export function jsonText(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
    return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${jsonText(entry)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

function dataText(type: TensorType, data: TensorData, elide: boolean): string {
  if (data.length <= LIST_LENGTH && !hasNaNPayload(data)) {
    const texts =
      data instanceof Float32Array ? Array.from(data, f32Text) : Array.from<number | bigint, string>(data, String);
    return `[${texts.join(', ')}]`;
  }
  if (elide) return '…';
  return `base64 "${Buffer.from(bytesOf(type, data)).toString('base64')}"`;
}

/** Whether a list, which writes every NaN alike, would lose bits. */
function hasNaNPayload(data: TensorData): boolean {
  if (!(data instanceof Float32Array)) return false;
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  return data.some((x, i) => Number.isNaN(x) && bits[i] !== 0x7fc00000);
}
