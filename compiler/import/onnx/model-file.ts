/** An opened .onnx file: its decoded messages, versions of operators, and functions. */
import { type Place, quoted, ROOT, SourceFile, within } from '../place.ts';
import { type FunctionProto, type GraphProto, MODEL, type ModelProto, type OperatorSetProto } from './schema.ts';
import { decode, WireError } from './wire.ts';

/** The domain of ONNX's own operators. */
export const MAIN_DOMAIN = '';
/**
 * Versions of the main domain that are read. Converters know operators from version 7 on; what older ones say otherwise
 * is an attribute that no converter reads, which is refused.
 */
const OLDEST = 1;
const NEWEST = 27;

/** Version by domain. */
export type Opsets = ReadonlyMap<string, number>;

export class OnnxFile extends SourceFile {
  readonly graph: GraphProto;
  readonly opsets: Opsets;
  readonly producer: string;
  readonly #functions: ReadonlyMap<string, FunctionProto>;

  /** Throws ImportError when the bytes are not an ONNX model of a known version. */
  constructor(bytes: Uint8Array, file: string) {
    super(file);
    const model = this.#decode(bytes);
    if (model.graph === undefined) {
      this.refuse(within(ROOT, 'field graph'), 'an ONNX model with a graph', 'none', 'Is this the file you meant?');
    }
    this.graph = model.graph;
    this.producer = model.producer_name;
    this.opsets = this.opsetsOf(model.opset_import);
    this.#functions = new Map(
      model.functions.map((own) => [keyOf(own.domain === 'ai.onnx' ? '' : own.domain, own.name, own.overload), own]),
    );
    const main = this.opsets.get(MAIN_DOMAIN);
    if (main !== undefined && !(main >= OLDEST && main <= NEWEST)) {
      const advice = 'Convert the model with onnx.version_converter.';
      this.refuse(within(ROOT, 'opset_import'), `an opset from ${OLDEST} to ${NEWEST}`, `${main}`, advice);
    }
  }

  functionNamed(domain: string, name: string, overload: string): FunctionProto | undefined {
    return this.#functions.get(keyOf(domain, name, overload));
  }

  opsetsOf(imports: readonly OperatorSetProto[]): Opsets {
    return new Map(imports.map(({ domain, version }) => [domain === 'ai.onnx' ? MAIN_DOMAIN : domain, version]));
  }

  #decode(bytes: Uint8Array): ModelProto {
    try {
      return decode(MODEL, bytes, 'model');
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const place: Place = within(ROOT, 'protobuf');
      return this.refuse(place, 'an ONNX model', error.message, 'The file is damaged, or not an ONNX model.');
    }
  }
}

function keyOf(domain: string, name: string, overload: string): string {
  return [domain, name, overload].map(quoted).join('.');
}
