/** Every instruction on edge values and random ones: what the module computes is what the instruction's record says. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Optimize } from '../../../backends/wasm/index.ts';
import { FunctionBuilder, mul, op } from '../../../ir/loop/build.ts';
import { instruction, OPCODES, type Opcode, type RegisterValue } from '../../../ir/loop/instructions.ts';
import type { Call, Elem, Func, Port, Program, Type } from '../../../ir/loop/types.ts';
import { Random } from '../../support/random.ts';
import { instantiate } from './support.ts';

const SEED = 20240611;
const COUNT = 256;
const random = new Random(SEED);
const test = suite('wasm: instructions');

const I32_EDGES = [
  0,
  1,
  -1,
  2,
  7,
  15,
  31,
  127,
  -128,
  255,
  32767,
  -32768,
  65535,
  2 ** 30,
  -(2 ** 30),
  2 ** 31 - 1,
  -(2 ** 31),
];
const F_EDGES = [
  0,
  -0,
  0.5,
  -0.5,
  1,
  -1,
  1.5,
  2.5,
  -2.5,
  1e-40,
  -1e-40,
  3e38,
  2 ** 31,
  -(2 ** 31),
  2 ** 63,
  Infinity,
  -Infinity,
  NaN,
];

function anyI32(): number {
  if (random.unit() < 0.4) return random.pick(I32_EDGES);
  return Math.floor((random.unit() - 0.5) * 2 ** random.pick([4, 6, 9, 17, 32])) | 0;
}

function anyFloat(): number {
  return random.unit() < 0.4 ? random.pick(F_EDGES) : (random.unit() - 0.5) * 2 ** Math.floor(random.unit() * 80 - 20);
}

function anyValue(type: Type): RegisterValue {
  switch (type) {
    case 'i32':
      return anyI32();
    case 'i64':
      return random.unit() < 0.5 ? BigInt(anyI32()) : BigInt.asIntN(64, (BigInt(anyI32()) << 32n) ^ BigInt(anyI32()));
    case 'f32':
      return Math.fround(anyFloat());
    case 'f64':
      return anyFloat();
    case 'v128': {
      const floats = random.unit() < 0.3;
      const words = floats ? Float32Array.from({ length: 4 }, anyFloat) : Int32Array.from({ length: 4 }, anyI32);
      const bytes = new Uint8Array(words.buffer);
      return !floats && random.unit() < 0.5
        ? bytes.map(() => random.pick([0, 1, 127, 128, 129, 255, random.unit() * 256]))
        : bytes;
    }
  }
}

interface Sample {
  readonly operands: readonly RegisterValue[];
  readonly result: RegisterValue;
}

/** Operands that the instruction is defined for, and what its record computes from them. */
function sample(name: Opcode, imm: readonly number[]): Sample {
  const { params, evaluate } = instruction(name);
  for (let attempt = 0; attempt < 10000; attempt++) {
    const operands = params.map(anyValue);
    // The bits of a NaN are not defined.
    if (name === 'i32.reinterpret_f32' && Number.isNaN(operands[0])) continue;
    try {
      return { operands, result: evaluate(...operands, ...imm) };
    } catch {
      // overflow, division by zero or a shift count outside its range: another try
    }
  }
  throw new Error(`${name}: no operands found that it is defined for`);
}

const STORAGE: Readonly<Record<Type, { readonly elem: Elem; readonly stride: number; readonly bytes: number }>> = {
  i32: { elem: 'i32', stride: 1, bytes: 4 },
  i64: { elem: 'i64', stride: 1, bytes: 8 },
  f32: { elem: 'f32', stride: 1, bytes: 4 },
  f64: { elem: 'f64', stride: 1, bytes: 8 },
  v128: { elem: 'u8', stride: 16, bytes: 16 },
};

function encode(type: Type, values: readonly RegisterValue[]): Uint8Array {
  const out = new Uint8Array(values.length * STORAGE[type].bytes);
  const view = new DataView(out.buffer);
  values.forEach((value, i) => {
    if (type === 'i32') view.setInt32(i * 4, value as number, true);
    else if (type === 'i64') view.setBigInt64(i * 8, value as bigint, true);
    else if (type === 'f32') view.setFloat32(i * 4, value as number, true);
    else if (type === 'f64') view.setFloat64(i * 8, value as number, true);
    else out.set(value as Uint8Array, i * 16);
  });
  return out;
}

interface Case {
  readonly name: Opcode;
  readonly imm: readonly number[];
  readonly samples: readonly Sample[];
  readonly func: Func;
}

function makeCase(name: Opcode, imm: readonly number[], number: number): Case {
  const { params, result } = instruction(name);
  const f = new FunctionBuilder(`case_${number}`, []);
  const operands = params.map((type, i) => {
    const { elem, stride } = STORAGE[type];
    return f.buffer(`x${i}`, elem, COUNT * stride, 'in');
  });
  const y = f.buffer('y', STORAGE[result].elem, COUNT * STORAGE[result].stride, 'out');
  f.for('i', 0, COUNT, (i) => {
    const args = operands.map((x, k) => {
      const type = params[k] as Type;
      return type === 'v128' ? x.at(mul(i, 16), 'v128') : x.at(i);
    });
    if (result === 'v128') f.store(y, mul(i, 16), op(name, args, imm), 'v128');
    else f.store(y, i, op(name, args, imm));
  });
  const samples = Array.from({ length: COUNT }, () => sample(name, imm));
  return { name, imm, samples, func: f.finish() };
}

function immediatesOf(name: Opcode): readonly (readonly number[])[] {
  const { imm } = instruction(name);
  if (imm === undefined) return [[]];
  if (imm.count === 1) {
    const all = Array.from({ length: imm.bound }, (_, i) => [i]);
    return name === 'i32.ssat' ? all.slice(1) : all;
  }
  return Array.from({ length: 8 }, () =>
    Array.from({ length: imm.count }, () => Math.floor(random.unit() * imm.bound)),
  );
}

function programOf(cases: readonly Case[]): Program {
  const inputs: Port[] = [];
  const outputs: Port[] = [];
  const port = (ports: Port[], name: string, type: Type): number => {
    const { elem, stride } = STORAGE[type];
    const length = COUNT * stride;
    return ports.push({ name, elem, length, shape: [length], type: elem }) - 1;
  };
  const run = cases.map(({ name, func }): Call => {
    const { params, result } = instruction(name);
    const args = params.map((type, i) => ({ kind: 'input', index: port(inputs, `${func.name}_${i}`, type) }) as const);
    const out = { kind: 'output', index: port(outputs, func.name, result) } as const;
    return { fn: func.name, args: [...args, out], doc: name };
  });
  const functions = cases.map(({ func }) => func);
  return {
    name: 'instructions',
    functions,
    roms: [],
    inputs,
    outputs,
    arenaBytes: 0,
    arenaAlign: 16,
    stateBytes: 0,
    run,
    reset: [],
  };
}

/** Equal bytes; where the result holds floats any NaN equals any other. */
function sameBytes(floats: 'f32' | 'f64' | undefined, expected: Uint8Array, found: Uint8Array): boolean {
  if (floats === undefined) return expected.every((byte, i) => byte === found[i]);
  const numbers = (bytes: Uint8Array): ArrayLike<number> =>
    floats === 'f32' ? new Float32Array(bytes.slice().buffer) : new Float64Array(bytes.slice().buffer);
  const [a, b] = [numbers(expected), numbers(found)];
  return Array.from(a).every((value, i) => Object.is(value, b[i]));
}

function floatsIn(name: Opcode): 'f32' | 'f64' | undefined {
  const { result } = instruction(name);
  if (result === 'f32' || result === 'f64') return result;
  return name.startsWith('f32x4.') && name !== 'f32x4.lt' && name !== 'f32x4.eq' ? 'f32' : undefined;
}

const cases = OPCODES.flatMap((name) => immediatesOf(name).map((imm) => [name, imm] as const)).map(([name, imm], i) =>
  makeCase(name, imm, i),
);
const program = programOf(cases);
const inputs = cases.flatMap(({ name, samples }) =>
  instruction(name).params.map((type, k) =>
    encode(
      type,
      samples.map(({ operands }) => operands[k] as RegisterValue),
    ),
  ),
);

for (const optimize of ['none', 'size', 'speed'] satisfies Optimize[]) {
  test(`${OPCODES.length} instructions, optimize ${optimize}`, () => {
    const instance = instantiate(program, optimize);
    const outputs = instance.run(inputs);
    console.log(`  ${cases.length} cases of ${COUNT} operands, ${instance.bytes} bytes of module`);
    cases.forEach(({ name, imm, samples }, i) => {
      const { result } = instruction(name);
      const bytes = STORAGE[result].bytes;
      samples.forEach((one, k) => {
        const expected = encode(result, [one.result]);
        const found = (outputs[i] as Uint8Array).subarray(k * bytes, (k + 1) * bytes);
        if (sameBytes(floatsIn(name), expected, found)) return;
        const shown = one.operands.map(String).join(' ; ');
        assert.unreachable(`${name}[${imm}](${shown}): expected ${one.result}, found bytes ${found} (seed ${SEED})`);
      });
    });
  });
}

test.run();
