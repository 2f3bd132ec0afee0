/**
 * What a kernel is, and what it builds itself with.
 *
 * A kernel is written once as a function that builds loop IR for one concrete node: its shapes, types, constants and
 * target are all known. It declares the buffers it needs (operands, constant tables, scratch memory) on a KernelBuilder
 * and then spells its loop nest. It never says where a buffer lies: the memory planner does.
 */
import { type Buffer, FunctionBuilder } from '../../ir/loop/build.ts';
import { type BufferParam, ELEM_BYTES, type Elem, type Func } from '../../ir/loop/types.ts';
import type { Constant } from '../../ir/tensor/graph.ts';
import type { Attrs, OpName } from '../../ir/tensor/ops/index.ts';
import { type DType, elementCount, type TensorData, type TensorType, typeText } from '../../ir/tensor/types.ts';
import type { Target } from '../targets/index.ts';

/** One node as kernels see it. */
export interface Site<K extends OpName = OpName> {
  readonly op: K;
  readonly attrs: Attrs<K>;
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  /** The value of an input that is a constant. */
  readonly constant: (input: number) => Constant | undefined;
  readonly target: Target;
  readonly optimize: Optimize;
}

/** What code is made for where speed and size disagree. */
export type Optimize = 'speed' | 'size';

/**
 * An output may lie over an input when the input's first byte is `distance` bytes or more above the output's first byte:
 * whatever the kernel stores lies below everything it has yet to load. A negative distance lets the output begin above.
 */
export interface Overlap {
  readonly input: number;
  readonly output: number;
  readonly distance: number;
}

export interface Kernel<K extends OpName = OpName> {
  /** Says what it is specialised for: `conv2d_1x1_i8`. */
  readonly name: string;
  /** The loop nest and the registers it wants. */
  readonly doc: string;
  /** True, or the reason why this kernel cannot do the node. The first kernel of the op's list that can is taken. */
  readonly applies: (site: Site<K>) => true | string;
  /** Which input may share memory with which output: every element is read before its place is written. */
  readonly inPlace?: (site: Site<K>) => readonly (readonly [input: number, output: number])[];
  /** Inputs that outputs may lie over at a distance, for kernels that walk through both from the first byte to the last. */
  readonly overlap?: (site: Site<K>) => readonly Overlap[];
  readonly build: (k: KernelBuilder<K>) => void;
}

/** What one parameter of a built kernel stands for. */
export type Binding =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'output'; readonly index: number }
  | { readonly kind: 'rom'; readonly elem: Elem; readonly data: TensorData; readonly name: string }
  | { readonly kind: 'scratch'; readonly bytes: number; readonly align: number };

/** A kernel's function with a binding for each of its parameters. */
export interface BuiltKernel {
  readonly func: Func;
  /** Scalar functions that `func` calls. */
  readonly helpers: readonly Func[];
  readonly bindings: readonly Binding[];
  readonly inPlace: readonly (readonly [input: number, output: number])[];
  readonly overlap: readonly Overlap[];
}

const ELEM_OF: Readonly<Record<DType, Elem | undefined>> = {
  f32: 'f32',
  f16: 'u16',
  i64: 'i64',
  i32: 'i32',
  i16: 'i16',
  i8: 'i8',
  u8: 'u8',
  bool: 'u8',
  i4: undefined,
  u4: undefined,
  i2: undefined,
  i1: undefined,
};

/** The buffer element that holds a dtype; throws TypeError for types under 8 bits, which only packed kernels read. */
export function elemOf(type: TensorType): Elem {
  const elem = ELEM_OF[type.dtype];
  if (elem === undefined) throw new TypeError(`${typeText(type)} has no buffer element of its own`);
  return elem;
}

const ELEM_ARRAYS: Readonly<Record<Elem, (new (values: number[]) => TensorData) | undefined>> = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  i64: undefined,
  f32: Float32Array,
  f64: undefined,
};

export class KernelBuilder<K extends OpName = OpName> extends FunctionBuilder {
  readonly site: Site<K>;
  private readonly bindings: Binding[] = [];
  private readonly helpers = new Map<string, Func>();

  constructor(name: string, doc: readonly string[], site: Site<K>) {
    super(name, doc);
    this.site = site;
  }

  /** The buffer of an input, row-major; a constant input lies in flash. */
  input(index: number, name: string): Buffer {
    const type = this.type(this.site.inputs, index);
    const constant = this.site.constant(index);
    if (constant !== undefined) return this.rom(name, elemOf(type), constant.data);
    return this.bind(name, elemOf(type), elementCount(type.shape), 'in', { kind: 'input', index });
  }

  output(index: number, name: string): Buffer {
    const type = this.type(this.site.outputs, index);
    return this.bind(name, elemOf(type), elementCount(type.shape), 'out', { kind: 'output', index });
  }

  /** A constant table in flash. */
  rom(name: string, elem: Elem, values: TensorData | readonly number[]): Buffer {
    const data = Array.isArray(values) ? this.typed(elem, values) : (values as TensorData);
    return this.bind(name, elem, data.length, 'rom', { kind: 'rom', elem, data, name });
  }

  /** Memory of the arena that lives only during this call; its content is undefined at the start. */
  scratch(name: string, elem: Elem, length: number): Buffer {
    const size = ELEM_BYTES[elem];
    return this.bind(name, elem, length, 'inout', { kind: 'scratch', bytes: length * size, align: size });
  }

  /** Makes a scalar function known to the module; call it with `call`. */
  helper(func: Func): Func {
    this.helpers.set(func.name, func);
    return func;
  }

  /** A helper that is known already. */
  helperNamed(name: string): Func {
    const func = this.helpers.get(name);
    if (func === undefined) throw new RangeError(`${this.site.op} knows no helper ${name}`);
    return func;
  }

  /** The built function with its bindings. */
  build(inPlace: BuiltKernel['inPlace'], overlap: BuiltKernel['overlap']): BuiltKernel {
    return { func: this.finish(), helpers: [...this.helpers.values()], bindings: this.bindings, inPlace, overlap };
  }

  private bind(name: string, elem: Elem, length: number, access: BufferParam['access'], binding: Binding): Buffer {
    this.bindings.push(binding);
    return this.buffer(name, elem, length, access);
  }

  private type(types: readonly TensorType[], index: number): TensorType {
    const type = types[index];
    if (type === undefined) throw new RangeError(`${this.site.op} has no operand ${index}`);
    return type;
  }

  private typed(elem: Elem, values: readonly number[]): TensorData {
    const array = ELEM_ARRAYS[elem];
    if (array === undefined) throw new TypeError(`pass a typed array for a table of ${elem}`);
    return new array([...values]);
  }
}
