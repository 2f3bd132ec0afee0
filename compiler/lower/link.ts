/** Collects functions and constant tables into one program: equal ones once, each under a unique name. */
import { type Argument, type Call, ELEM_BYTES, type Func, type Place, type Rom } from '../../ir/loop/types.ts';
import type { TensorData } from '../../ir/tensor/types.ts';
import type { MemoryPlan } from '../plan/memory.ts';
import type { Binding, BuiltKernel } from './kernel.ts';
import type { Storage } from './storage.ts';

export class Linker {
  readonly functions: Func[] = [];
  readonly roms: Rom[] = [];
  private readonly memory: MemoryPlan;
  private readonly namesOfBodies = new Map<string, string>();
  private readonly romsByContent = new Map<string, string>();
  private readonly used = new Map<string, number>();

  constructor(memory: MemoryPlan) {
    this.memory = memory;
  }

  call(
    built: BuiltKernel,
    inputs: readonly Storage[],
    outputs: readonly Storage[],
    scratch: readonly number[],
    doc: string,
  ): Call {
    for (const helper of built.helpers) this.addHelper(helper);
    let nextScratch = 0;
    const place = (binding: Binding): Argument => {
      switch (binding.kind) {
        case 'input':
          return this.place(inputs[binding.index] as Storage);
        case 'output':
          return this.place(outputs[binding.index] as Storage);
        case 'rom':
          return { kind: 'rom', name: this.rom(binding) };
        case 'scratch':
          return { kind: 'arena', offset: scratch[nextScratch++] as number };
      }
    };
    const args = built.bindings.map(place);
    return { fn: this.kernel(built.func), args, doc };
  }

  private place(storage: Storage): Place {
    switch (storage.kind) {
      case 'input':
      case 'output':
        return storage.offset === 0 ? { kind: storage.kind, index: storage.index } : storage;
      case 'state':
        return { kind: 'arena', offset: this.memory.offsets.get(storage.name) as number };
      case 'arena':
        return { kind: 'arena', offset: (this.memory.offsets.get(storage.name) as number) + storage.offset };
      case 'rom':
        throw new Error('a constant operand is bound as a table, not as memory');
    }
  }

  /** Kernels that differ only in name are one. */
  private kernel(func: Func): string {
    const key = JSON.stringify([func.params, func.body], bigintText);
    const known = this.namesOfBodies.get(key);
    if (known !== undefined) return known;
    const name = this.unique(func.name);
    this.namesOfBodies.set(key, name);
    this.functions.push({ ...func, name });
    return name;
  }

  /** Helpers keep their name, which their callers know. */
  private addHelper(func: Func): void {
    const known = this.functions.find((f) => f.name === func.name);
    if (known === undefined) {
      this.unique(func.name);
      this.functions.push(func);
    } else if (JSON.stringify(known, bigintText) !== JSON.stringify(func, bigintText)) {
      throw new Error(`two different helpers are named ${func.name}`);
    }
  }

  private rom({ elem, data, name }: Extract<Binding, { kind: 'rom' }>): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    const key = `${elem} ${contentKey(data)}`;
    const known = this.romsByContent.get(key);
    if (known !== undefined) return known;
    const unique = this.unique(name);
    this.romsByContent.set(key, unique);
    this.roms.push({ name: unique, elem, length: bytes.length / ELEM_BYTES[elem], bytes });
    return unique;
  }

  private unique(name: string): string {
    const count = (this.used.get(name) ?? 0) + 1;
    this.used.set(name, count);
    return count === 1 ? name : this.unique(`${name}_${count}`);
  }
}

function bigintText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

function contentKey(data: TensorData): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
}
