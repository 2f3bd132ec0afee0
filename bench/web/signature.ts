/** Models whose batch is dynamic, for a runtime that refuses them. */

// FlatBuffers: an offset leads from its own place; a table begins with the distance back to its vtable, whose entries of
// 16 bits follow two sizes.
class Table {
  readonly #view: DataView;
  readonly #at: number;

  constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
  }

  entryOf(field: number): number | undefined {
    const vtable = this.#at - this.#view.getInt32(this.#at, true);
    const entry = vtable + 4 + 2 * field;
    return entry < vtable + this.#view.getUint16(vtable, true) ? entry : undefined;
  }

  tables(field: number): Table[] {
    const entry = this.entryOf(field);
    const distance = entry === undefined ? 0 : this.#view.getUint16(entry, true);
    if (distance === 0) return [];
    const vector = follow(this.#view, this.#at + distance);
    const length = this.#view.getUint32(vector, true);
    return Array.from({ length }, (_, i) => new Table(this.#view, follow(this.#view, vector + 4 + 4 * i)));
  }
}

function follow(view: DataView, at: number): number {
  return at + view.getUint32(at, true);
}

// Fields of the TFLite schema: Model.subgraphs, SubGraph.tensors, Tensor.shape_signature.
const SUBGRAPHS = 2;
const TENSORS = 0;
const SHAPE_SIGNATURE = 7;

/** The same model without `shape_signature`: the batch is that of `shape`, which converters write as 1. */
export function withoutSignature(model: Uint8Array): Uint8Array {
  const bytes = model.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const subgraph of new Table(view, follow(view, 0)).tables(SUBGRAPHS)) {
    for (const tensor of subgraph.tables(TENSORS)) {
      const entry = tensor.entryOf(SHAPE_SIGNATURE);
      if (entry !== undefined) view.setUint16(entry, 0, true);
    }
  }
  return bytes;
}
