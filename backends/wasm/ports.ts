/** What the user of a package is told of a model's inputs and outputs. */
import type { Elem, Port } from '../../ir/loop/types.ts';

/** The typed array that holds each kind of element. */
export const ARRAY: Readonly<Record<Elem, string>> = {
  i8: 'Int8Array',
  u8: 'Uint8Array',
  i16: 'Int16Array',
  u16: 'Uint16Array',
  i32: 'Int32Array',
  i64: 'BigInt64Array',
  f32: 'Float32Array',
  f64: 'Float64Array',
};

const DTYPE: Readonly<Record<Elem, string>> = {
  i8: 'int8',
  u8: 'uint8',
  i16: 'int16',
  u16: 'uint16',
  i32: 'int32',
  i64: 'int64',
  f32: 'float32',
  f64: 'float64',
};

export interface PublicPort {
  /** Unique among the ports of its side. */
  readonly name: string;
  readonly dtype: string;
  /** The name of the typed array. */
  readonly array: string;
  readonly shape: readonly number[];
  readonly length: number;
  /** Of a tensor with one scale: `real = scale * (stored - zeroPoint)`. Decimal text, as the type prints it. */
  readonly affine?: { readonly scale: string; readonly zeroPoint: string };
}

/** A later port of a name that is taken gets the first of `name_1`, `name_2` … that is free. */
export function publicPorts(ports: readonly Port[]): PublicPort[] {
  const taken = new Set(ports.map((port) => port.name));
  const used = new Set<string>();
  return ports.map((port) => {
    let name = port.name;
    for (let n = 1; used.has(name); n++) {
      const candidate = `${port.name}_${n}`;
      if (!taken.has(candidate)) name = candidate;
    }
    used.add(name);
    taken.add(name);
    return describe(port, name);
  });
}

function describe(port: Port, name: string): PublicPort {
  const { elem, shape, length, type } = port;
  const dtype = type.startsWith('bool') ? 'bool' : DTYPE[elem];
  const [, scale, zeroPoint] = / affine\(([^,=]+), (-?\d+)\)$/.exec(type) ?? [];
  const affine = scale === undefined || zeroPoint === undefined ? {} : { affine: { scale, zeroPoint } };
  return { name, dtype, array: ARRAY[elem], shape, length, ...affine };
}

/** `int8, shape [1, 49, 10, 1], 490 elements; real value = 0.58 * (x - 83)` */
export function portDoc({ dtype, shape, length, affine }: PublicPort): string {
  const what = `${dtype}, shape [${shape.join(', ')}], ${length} ${length === 1 ? 'element' : 'elements'}`;
  if (affine === undefined) return what;
  const { scale, zeroPoint } = affine;
  if (Number(zeroPoint) === 0) return `${what}; real value = ${scale} * x`;
  const shifted = zeroPoint.startsWith('-') ? `x + ${zeroPoint.slice(1)}` : `x - ${zeroPoint}`;
  return `${what}; real value = ${scale} * (${shifted})`;
}
