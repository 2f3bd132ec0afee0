/** From the bytes of a .tflite file to a graph. */
import type { ValueName } from '../../../ir/tensor/graph.ts';
import { elementCount, typeText } from '../../../ir/tensor/types.ts';
import type { ImportedModel } from '../imported-model.ts';
import { checkShape, quoted, ROOT, within } from '../place.ts';
import { type Frame, Importer } from './importer.ts';
import { ModelFile } from './model-file.ts';
import { nameBySignature } from './signature.ts';
import { tensorType } from './tensors.ts';

export interface ImportOptions {
  /** The graph's name. */
  readonly name: string;
  /** Extent of a batch dimension that the file leaves open; 1 unless stated. */
  readonly batch?: number;
  /** What messages call the file; the graph's name unless stated. */
  readonly file?: string;
}

/** Throws ImportError when the file is damaged or holds something that has no counterpart in the IR. */
export function importTflite(bytes: Uint8Array, options: ImportOptions): ImportedModel {
  const model = new ModelFile(bytes, options.file ?? options.name);
  const importer = new Importer(model);
  const frame = importer.frame(0, undefined, ROOT);
  const inputs = bindInputs(importer, frame, options.batch);
  importer.run(frame);
  const outputs = bindOutputs(importer, frame);
  const { builder, layers } = importer;
  const states = importer.variables.states();
  const used = new Set([
    ...outputs,
    ...states.map((state) => state.next),
    ...builder.nodes.flatMap((node) => node.inputs),
    ...layers.flatMap((layer) => layer.outputs),
  ]);
  const constants = new Map([...builder.constants].filter(([name]) => used.has(name)));
  const types = new Map([...builder.types].filter(([name]) => constants.has(name) || !builder.constants.has(name)));
  const graph = { name: options.name, inputs, outputs, states, constants, nodes: builder.nodes, types };
  return { ...nameBySignature(graph, layers, frame.subgraph, model.model), description: model.model.description };
}

function bindInputs(importer: Importer, frame: Frame, batch: number | undefined): ValueName[] {
  const { model } = importer;
  const shapes = frame.subgraph.inputs.map((tensor) => inputShape(importer, frame, tensor, batch));
  importer.rebatched = shapes.some(({ changed }) => changed);
  if (batch !== undefined && shapes.length > 0 && !shapes.some(({ open, shape }) => open || shape[0] === batch)) {
    const found = `shapes ${shapes.map(({ shape }) => `[${shape.join(', ')}]`).join(', ')}`;
    model.refuse(
      frame.place,
      `an input whose batch is open or ${batch}`,
      found,
      'Leave the batch as the model has it.',
    );
  }
  return frame.subgraph.inputs.map((index, i) => {
    const tensor = importer.tensor(frame, index, frame.place);
    const place = within(frame.place, `input ${i} ${quoted(tensor.name)}`);
    const type = tensorType(model, tensor, shapes[i].shape, place);
    checkShape(model, type.shape, type.dtype, place);
    if (type.dtype === 'i64')
      model.refuse(place, 'an input of at most 32 bits', typeText(type), 'Use int32 in the model.');
    if (elementCount(type.shape) === 0) model.refuse(place, 'an input of at least one element', typeText(type));
    const value = importer.builder.define(importer.tensorName(frame, index, place), type);
    importer.define(frame, index, { value }, place);
    return value;
  });
}

/** An input's shape with an open batch closed; `changed` when that is not the file's own placeholder. */
function inputShape(importer: Importer, frame: Frame, index: number, batch: number | undefined) {
  const { shape, shape_signature: signature, name } = importer.tensor(frame, index, frame.place);
  const place = within(frame.place, `input ${quoted(name)}`);
  if (signature.length > 0 && signature.length !== shape.length) {
    importer.model.refuse(place, `shape_signature of ${shape.length} dimensions`, `${signature.length}`);
  }
  const isOpen = (axis: number) => signature[axis] === -1 || shape[axis] === -1 || shape[axis] === 0;
  const inner = shape.findIndex((_, axis) => axis > 0 && isOpen(axis));
  if (inner !== -1) {
    const found = `dimension ${inner} open in [${(signature.length > 0 ? signature : shape).join(', ')}]`;
    importer.model.refuse(
      place,
      'all dimensions but the first to be fixed',
      found,
      'Convert the model with a fixed shape.',
    );
  }
  const open = shape.length > 0 && isOpen(0);
  const closed = open ? [batch ?? 1, ...shape.slice(1)] : [...shape];
  return { open, shape: closed, changed: open && closed[0] !== shape[0] };
}

function bindOutputs(importer: Importer, frame: Frame): ValueName[] {
  const { model } = importer;
  if (frame.subgraph.outputs.length === 0) model.refuse(frame.place, 'at least one output', 'none');
  return frame.subgraph.outputs.map((tensor, i) => {
    const place = within(frame.place, `output ${i}`);
    const operand = importer.operand(frame, tensor, place);
    if (operand === undefined) return model.refuse(place, 'a tensor', 'a variable');
    if (elementCount(operand.type.shape) === 0) model.refuse(place, 'at least one element', typeText(operand.type));
    return operand.value;
  });
}
