/** An opened .tflite file: its decoded tables, operator names, and the bytes of its buffers. */
import { type Place, quoted, ROOT, SourceFile, within } from '../place.ts';
import { BUILTIN_OPERATORS } from './opcodes.ts';
import { OPTIONS, type Options, type OptionsName } from './options.ts';
import { Flatbuffer, type Table } from './reader.ts';
import {
  FILE_IDENTIFIER,
  MODEL,
  type ModelRecord,
  type OperatorRecord,
  SCHEMA_VERSION,
  type TensorRecord,
} from './schema.ts';

/** Code of operators that are named by text, and of codes too large for the old one-byte field. */
const CUSTOM = 32;
const LARGEST_BYTE_CODE = 127;

export class ModelFile extends SourceFile {
  readonly model: ModelRecord;
  readonly #flatbuffer: Flatbuffer;
  /** Tables are decoded once, however often their operator is called. */
  readonly #options = new Map<OperatorRecord, { readonly name: OptionsName; readonly value: unknown }>();

  /** Throws ImportError when the bytes are not a readable TFLite model of version 3. */
  constructor(bytes: Uint8Array, file: string) {
    super(file);
    this.#flatbuffer = new Flatbuffer(bytes, file);
    const header = within(ROOT, 'header');
    const identifier = new TextDecoder('latin1').decode(bytes.subarray(4, 8));
    if (identifier !== FILE_IDENTIFIER) {
      this.refuse(
        header,
        `a TFLite model ("${FILE_IDENTIFIER}" at byte 4)`,
        JSON.stringify(identifier),
        'Is this the file you meant?',
      );
    }
    const root = this.#flatbuffer.follow(0, header);
    this.model = this.#flatbuffer.table(MODEL as Table<ModelRecord>, root, ROOT);
    if (this.model.version !== SCHEMA_VERSION) {
      this.refuse(
        header,
        `schema version ${SCHEMA_VERSION}`,
        `version ${this.model.version}`,
        'Convert the model anew.',
      );
    }
  }

  operatorName(operator: OperatorRecord, place: Place): string {
    const codes = this.model.operator_codes;
    const code = codes[operator.opcode_index];
    if (code === undefined) {
      return this.refuse(
        within(place, 'field opcode_index'),
        `one of ${codes.length} operator codes`,
        `${operator.opcode_index}`,
      );
    }
    // Files from before 2020 have only the byte; later ones repeat small codes in it.
    const byte = code.deprecated_builtin_code;
    const number = byte >= 0 && byte < LARGEST_BYTE_CODE ? Math.max(byte, code.builtin_code) : code.builtin_code;
    if (number === CUSTOM) return `CUSTOM ${quoted(code.custom_code)}`;
    return BUILTIN_OPERATORS[number] ?? this.refuse(place, 'an operator of TFLite', `code ${number}`);
  }

  /** The option table `name` of an operator; its defaults when the operator has no options. */
  options<N extends OptionsName>(operator: OperatorRecord, name: N, place: Place): Options<N> {
    const known = this.#options.get(operator);
    if (known?.name === name) return known.value as Options<N>;
    const value = this.#readOptions(operator, name, place);
    this.#options.set(operator, { name, value });
    return value;
  }

  #readOptions<N extends OptionsName>(operator: OperatorRecord, name: N, place: Place): Options<N> {
    const { number, fields } = OPTIONS[name];
    const table = fields as unknown as Table<Options<N>>;
    if (operator.options_type === 0 || operator.options === undefined) return this.#defaults(table, place);
    if (operator.options_type !== number) {
      const found = Object.entries(OPTIONS).find(([, option]) => option.number === operator.options_type)?.[0];
      this.refuse(within(place, 'field builtin_options'), name, found ?? `option table ${operator.options_type}`);
    }
    return this.#flatbuffer.table(table, operator.options, place);
  }

  #defaults<T>(table: Table<T>, place: Place): T {
    const values: Partial<T> = {};
    for (const name in table) values[name] = table[name].read(this.#flatbuffer, { position: undefined, place });
    return values as T;
  }

  /** Decodes a table of a union, at the position that its field holds. */
  unionTable<T>(table: Table<T>, position: number, place: Place): T {
    return this.#flatbuffer.table(table, position, place);
  }

  /** The bytes of a tensor's buffer, not copied; undefined when it has none, which is so for all but constants. */
  bufferBytes(tensor: TensorRecord, place: Place): Uint8Array | undefined {
    const at = within(place, 'field buffer');
    if (tensor.external_buffer !== 0) {
      this.refuse(
        within(place, 'field external_buffer'),
        'constants inside the file',
        'a buffer of another file',
        'Convert the model into one file.',
      );
    }
    if (tensor.buffer === 0) return undefined;
    const buffer = this.model.buffers[tensor.buffer];
    if (buffer === undefined) return this.refuse(at, `one of ${this.model.buffers.length} buffers`, `${tensor.buffer}`);
    // Offsets 0 and 1 mean that the bytes are in `data`; others count from the start of the file.
    if (buffer.offset <= 1n) return buffer.data === undefined || buffer.data.length === 0 ? undefined : buffer.data;
    const total = BigInt(this.#flatbuffer.bytes.length);
    if (buffer.offset + buffer.size > total) {
      this.refuse(at, `${total} bytes of file`, `${buffer.size} bytes at offset ${buffer.offset}`);
    }
    return this.#flatbuffer.bytes.subarray(Number(buffer.offset), Number(buffer.offset + buffer.size));
  }
}
