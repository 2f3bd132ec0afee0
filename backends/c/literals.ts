/** Constants as C text, and constant tables as compact rows. */
import type { Elem, Rom, ScalarType } from '../../ir/loop/types.ts';

export const C_ELEM: Readonly<Record<Elem, string>> = {
  i8: 'int8_t',
  u8: 'uint8_t',
  i16: 'int16_t',
  u16: 'uint16_t',
  i32: 'int32_t',
  i64: 'int64_t',
  f32: 'float',
  f64: 'double',
};

/** A scalar constant of the given type. */
export function literal(type: ScalarType, value: number | bigint): string {
  switch (type) {
    case 'i32':
      return i32Literal(Number(value));
    case 'i64':
      return i64Literal(BigInt(value));
    case 'f32':
      return floatLiteral(Number(value), 'f32');
    case 'f64':
      return floatLiteral(Number(value), 'f64');
  }
}

/** -2^31 has no literal of its own: the minus is an operator. */
function i32Literal(value: number): string {
  return value === -(2 ** 31) ? 'INT32_MIN' : String(value);
}

function i64Literal(value: bigint): string {
  return value === -(2n ** 63n) ? 'INT64_MIN' : `INT64_C(${value})`;
}

function floatLiteral(value: number, type: 'f32' | 'f64'): string {
  const suffix = type === 'f32' ? 'f' : '';
  if (Number.isNaN(value)) return type === 'f32' ? 'MCC_NAN_F32' : 'MCC_NAN_F64';
  if (!Number.isFinite(value)) return `${value < 0 ? '-' : ''}${type === 'f32' ? 'MCC_INF_F32' : 'MCC_INF_F64'}`;
  if (value === 0) return `${Object.is(value, -0) ? '-' : ''}0.0${suffix}`;
  const digits = type === 'f32' ? shortestF32(value) : String(value);
  return `${/[.e]/.test(digits) ? digits : `${digits}.0`}${suffix}`;
}

/**
 * The fewest digits that a C compiler, which rounds decimal text to binary32 once, reads back as this f32. Asking for a
 * quarter of a unit in the last place keeps clear of every rounding boundary. More digits are never farther from the
 * value, so the number of digits is found by halves.
 */
function shortestF32(value: number): string {
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const quarter = 2 ** (Math.max(exponent - 23, -149) - 2);
  let fewest = 1;
  let enough = 9;
  while (fewest < enough) {
    const precision = (fewest + enough) >> 1;
    const near = Number(value.toPrecision(precision));
    if (Math.abs(near - value) <= quarter && Math.fround(near) === value) enough = precision;
    else fewest = precision + 1;
  }
  return String(Number(value.toPrecision(enough)));
}

function romValues(rom: Rom): string[] {
  const view = new DataView(rom.bytes.buffer, rom.bytes.byteOffset, rom.bytes.byteLength);
  const read = READERS[rom.elem];
  return Array.from({ length: rom.length }, (_, i) => read(view, i));
}

const READERS: Readonly<Record<Elem, (view: DataView, i: number) => string>> = {
  i8: (view, i) => String(view.getInt8(i)),
  u8: (view, i) => String(view.getUint8(i)),
  i16: (view, i) => String(view.getInt16(2 * i, true)),
  u16: (view, i) => String(view.getUint16(2 * i, true)),
  i32: (view, i) => i32Literal(view.getInt32(4 * i, true)),
  i64: (view, i) => i64Literal(view.getBigInt64(8 * i, true)),
  f32: (view, i) => floatLiteral(view.getFloat32(4 * i, true), 'f32'),
  f64: (view, i) => floatLiteral(view.getFloat64(8 * i, true), 'f64'),
};

/** The elements of a table in rows of at most 118 columns. An empty table gets one zero, because C has no empty arrays. */
export function romRows(rom: Rom): string[] {
  const values = rom.length === 0 ? ['0'] : romValues(rom);
  const rows: string[] = [];
  let row = ' ';
  for (const value of values) {
    if (row.length + value.length + 2 > 118) {
      rows.push(row);
      row = ' ';
    }
    row += ` ${value},`;
  }
  rows.push(row);
  return rows;
}
