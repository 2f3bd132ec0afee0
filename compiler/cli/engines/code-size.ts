// Section sizes, read from the file itself: no `size` command, and the same answer on every machine.
import { readFileSync } from 'node:fs';

/** Bytes. Flash holds text, rodata and the initial values of data; RAM holds data and bss (the stack is not counted). */
export interface CodeSize {
  readonly text: number;
  readonly rodata: number;
  readonly data: number;
  readonly bss: number;
}

// ELF: System V ABI, chapter 4, "Sections".
const SHT_NOBITS = 8;
const SHF_WRITE = 1;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;

/**
 * Sizes of an object file or program: ELF of 32 or 64 bits, little-endian, or WebAssembly (code section as `text`,
 * data section as `data`). Throws when the file is neither or is cut off.
 */
export function codeSizeOf(path: string): CodeSize {
  const bytes = readFileSync(path);
  const magic = bytes.length < 8 ? 0 : bytes.readUInt32BE(0);
  try {
    if (magic === 0x7f454c46 && bytes[5] === 1) {
      return elfSize(bytes);
    }
    if (magic === 0x0061736d) {
      return wasmSize(bytes);
    }
  } catch (error) {
    if (error instanceof RangeError) {
      throw new Error(`${path}: the file is cut off or damaged; build it again`);
    }
    throw error;
  }
  throw new Error(`${path}: expected a little-endian ELF file or a WebAssembly module`);
}

function elfSize(bytes: Buffer): CodeSize {
  const wide = bytes[4] === 2;
  const word = (at: number): number => (wide ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at));
  const table = word(wide ? 0x28 : 0x20);
  const entryBytes = bytes.readUInt16LE(wide ? 0x3a : 0x2e);
  const count = bytes.readUInt16LE(wide ? 0x3c : 0x30);
  const size = { text: 0, rodata: 0, data: 0, bss: 0 };
  for (let i = 0; i < count; i += 1) {
    const header = table + i * entryBytes;
    const type = bytes.readUInt32LE(header + 4);
    const flags = word(header + 8);
    if ((flags & SHF_ALLOC) !== 0) {
      const kind =
        type === SHT_NOBITS
          ? 'bss'
          : (flags & SHF_EXECINSTR) !== 0
            ? 'text'
            : (flags & SHF_WRITE) !== 0
              ? 'data'
              : 'rodata';
      size[kind] += word(header + (wide ? 0x20 : 0x14));
    }
  }
  return size;
}

// WebAssembly core specification, section 5.5: each section is an id, a LEB128 size, and that many bytes.
const WASM_CODE = 10;
const WASM_DATA = 11;

function wasmSize(bytes: Buffer): CodeSize {
  const size = { text: 0, rodata: 0, data: 0, bss: 0 };
  let at = 8;
  while (at < bytes.length) {
    const id = bytes.readUInt8(at);
    let length = 0;
    let shift = 0;
    let byte = 0x80;
    at += 1;
    while ((byte & 0x80) !== 0) {
      byte = bytes.readUInt8(at);
      length += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      at += 1;
    }
    if (id === WASM_CODE) {
      size.text += length;
    } else if (id === WASM_DATA) {
      size.data += length;
    }
    at += length;
  }
  return size;
}
