/**
 * The ONNX backend test suite: where it is, its cases, and what a case's answer is held to. Cases come from the Python
 * package `onnx` (tools/onnx-suite.sh), read from its archive, with the tolerance that its own runner uses.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { ImportError } from '../../compiler/import/error.ts';
import type { ImportedModel } from '../../compiler/import/imported-model.ts';
import { importOnnx } from '../../compiler/import/onnx/import.ts';
import { OnnxFile } from '../../compiler/import/onnx/model-file.ts';
import { TENSOR_FILE, type TensorProto } from '../../compiler/import/onnx/schema.ts';
import { type Literal, readTensor } from '../../compiler/import/onnx/tensors.ts';
import { decode } from '../../compiler/import/onnx/wire.ts';
import { ROOT } from '../../compiler/import/place.ts';
import { typeOfValue } from '../../ir/tensor/graph.ts';
import type { TensorData } from '../../ir/tensor/types.ts';
import { recordSkip } from './toolchains.ts';

const ARCHIVE = process.env.MCC_ONNX_SUITE ?? fileURLToPath(new URL('../../.cache/onnx-suite.whl', import.meta.url));
const PREFIX = 'onnx/backend/test/data/';

export type Group = 'node' | 'simple' | 'pytorch-operator' | 'pytorch-converted';

/** Records a skip under the test's name where the suite is not installed. */
export function skipUnlessSuite(test: string): boolean {
  if (existsSync(ARCHIVE)) return false;
  recordSkip(test, `no ONNX suite at ${ARCHIVE} (tools/onnx-suite.sh, or set MCC_ONNX_SUITE)`);
  return true;
}

/** Files of the suite by path, `node/test_abs/model.onnx`. */
const files = (() => {
  let read: ReadonlyMap<string, Uint8Array> | undefined;
  return () => {
    read ??= new Map(
      Object.entries(unzipSync(readFileSync(ARCHIVE), { filter: ({ name }) => name.startsWith(PREFIX) })).map(
        ([name, bytes]) => [name.slice(PREFIX.length), bytes],
      ),
    );
    return read;
  };
})();

/** Throws when the suite has no such file. */
export function suiteFile(path: string): Uint8Array {
  const bytes = files().get(path);
  if (bytes === undefined) throw new Error(`no ${path} in ${ARCHIVE}`);
  return bytes;
}

export function caseNames(group: Group): string[] {
  return [...files().keys()].flatMap((path) => {
    const [folder, name, file] = path.split('/');
    return folder === group && file === 'model.onnx' ? [name] : [];
  });
}

/** Operators of the case's graph, `domain.Name` outside ONNX's own domain. */
export function operatorsOf(group: Group, name: string): string[] {
  const { graph } = new OnnxFile(suiteFile(`${group}/${name}/model.onnx`), name);
  const names = graph.node.map(({ domain, op_type }) => (domain === '' ? op_type : `${domain}.${op_type}`));
  return [...new Set(names)];
}

export interface SuiteCase {
  readonly name: string;
  readonly model: ImportedModel;
  /** Inputs that the model needs as constants, because shapes depend on them. */
  readonly frozen: readonly string[];
  readonly sets: readonly { readonly inputs: readonly TensorData[]; readonly expected: readonly TensorData[] }[];
}

/** Imports a case with its recorded data. Throws ImportError when mcc refuses the model or the data. */
export function loadCase(group: Group, name: string): SuiteCase {
  const folder = `${group}/${name}`;
  const path = `${folder}/model.onnx`;
  const bytes = suiteFile(path);
  const file = new OnnxFile(bytes, name);
  const initialized = new Set(file.graph.initializer.map((tensor) => tensor.name));
  const inputs = file.graph.input.filter((input) => !initialized.has(input.name));
  const sets = setsOf(folder).map((set) => ({
    inputs: inputs.map((_, i) => tensorOf(file, `${set}/input_${i}.pb`)),
    expected: file.graph.output.map((_, i) => tensorOf(file, `${set}/output_${i}.pb`)),
  }));
  const values = new Map(inputs.map(({ name: input }, i) => [input, sets[0].inputs[i]]));
  const { model, frozen } = importWith(bytes, path, name, values);
  const open = inputs.flatMap((input, i) => (model.graph.inputs.includes(input.name) ? [i] : []));
  return {
    name,
    model,
    frozen,
    sets: sets.map((set) => ({
      inputs: open.map((i) => set.inputs[i].data),
      expected: set.expected.map(({ data }) => data),
    })),
  };
}

function setsOf(folder: string): string[] {
  const sets: string[] = [];
  for (let i = 0; files().has(`${folder}/test_data_set_${i}/output_0.pb`); i++)
    sets.push(`${folder}/test_data_set_${i}`);
  return sets;
}

function tensorOf(file: OnnxFile, path: string): Literal {
  const proto = decode<TensorProto>(TENSOR_FILE, suiteFile(path), 'tensor');
  return readTensor(file, proto, { read: () => new Uint8Array(0) }, ROOT);
}

/** Imports; inputs that it names as needed at import become constants, one after another. */
function importWith(bytes: Uint8Array, path: string, name: string, values: ReadonlyMap<string, Literal>) {
  const frozen: string[] = [];
  const shapes = new Map([...values].map(([input, { type }]) => [input, type.shape]));
  for (;;) {
    const constants = new Map(frozen.map((input) => [input, (values.get(input) as Literal).data as ArrayLike<number>]));
    const open = new Map([...shapes].filter(([input]) => !frozen.includes(input)));
    try {
      return {
        model: importOnnx(bytes, { name, file: path, shapes: shapes.size === open.size ? shapes : open, constants }),
        frozen,
      };
    } catch (error) {
      const next = error instanceof ImportError ? neededInput(error, values, frozen) : undefined;
      if (next === undefined) throw error;
      frozen.push(next);
    }
  }
}

/** The input that the refusal asks for; integers are shapes and the like, so they go first when it names another value. */
function neededInput(
  error: ImportError,
  values: ReadonlyMap<string, Literal>,
  frozen: readonly string[],
): string | undefined {
  if (!error.message.includes('--constant')) return undefined;
  const left = [...values.keys()].filter((input) => !frozen.includes(input));
  const named = left.find((input) => error.message.includes(JSON.stringify(input)));
  return named ?? left.find((input) => values.get(input)?.type.dtype !== 'f32') ?? left[0];
}

/** How the suite's runner compares: |actual - expected| <= 1e-7 + 1e-3 * |expected| for floats, equality for the rest. */
export function differenceOf(
  model: ImportedModel,
  output: number,
  actual: TensorData,
  expected: TensorData,
): string | undefined {
  const { dtype } = typeOfValue(model.graph, model.graph.outputs[output] as string);
  if (actual.length !== expected.length)
    return `output ${output}: ${actual.length} values instead of ${expected.length}`;
  for (let i = 0; i < actual.length; i++) {
    const [a, b] = [Number(actual[i]), Number(expected[i])];
    const near = dtype === 'f32' && Math.abs(a - b) <= 1e-7 + 1e-3 * Math.abs(b);
    if (!(near || a === b || (Number.isNaN(a) && Number.isNaN(b))))
      return `output ${output}, element ${i}: ${a} instead of ${b}`;
  }
  return undefined;
}
