/** Numbers from bytes: the element types of array files. */

interface ElementFacts {
  readonly bytes: number;
  readonly read: (view: DataView, at: number, little: boolean) => number;
}

/** By NumPy's kind and size. 64-bit integers beyond 2^53 lose their last bits, as reals in double precision do. */
const ELEMENTS = {
  b1: { bytes: 1, read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) },
  u1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  i1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  u2: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  i2: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  u4: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  i4: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  i8: { bytes: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  u8: { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  f2: { bytes: 2, read: (view, at, little) => halfValue(view.getUint16(at, little)) },
  f4: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  f8: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
} as const satisfies Record<string, ElementFacts>;

export type Element = keyof typeof ELEMENTS;

export function isElement(name: string): name is Element {
  return Object.hasOwn(ELEMENTS, name);
}

export const ELEMENT_NAMES = Object.keys(ELEMENTS).join(', ');

export function elementBytes(element: Element): number {
  return ELEMENTS[element].bytes;
}

/** `count` numbers from the beginning of `bytes`. */
export function decodeElements(bytes: Uint8Array, element: Element, count: number, little: boolean): Float64Array {
  const facts: ElementFacts = ELEMENTS[element];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = facts.read(view, i * facts.bytes, little);
  return values;
}

/** The number of an IEEE 754 binary16 bit pattern. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}
