/** Random functions: the module leaves the same bytes in every buffer as the interpreter does. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Optimize } from '../../../backends/wasm/index.ts';
import { callFunction } from '../../../ir/loop/evaluate.ts';
import type { Argument, Program } from '../../../ir/loop/types.ts';
import { type LoopCase, randomFunction, WASM_ACCESSES } from '../../support/random-loop.ts';
import { firstDifference, instantiate } from './support.ts';

const FIRST_SEED = Number(process.env.MCC_SEED ?? 1);
const COUNT = Number(process.env.MCC_CASES ?? 80);
const test = suite('wasm: random functions');

/** Every buffer in the arena, `copies` times; one call for each copy, so that two make the kernel take pointers. */
function programOf({ fn, helpers, buffers }: LoopCase, copies: number) {
  let end = 0;
  const places = Array.from({ length: copies }, () =>
    buffers.map((bytes) => {
      const offset = Math.ceil(end / 16) * 16;
      end = offset + bytes.length;
      return offset;
    }),
  );
  const run = places.map((offsets) => ({
    fn: fn.name,
    args: offsets.map((offset): Argument => ({ kind: 'arena', offset })),
    doc: fn.doc.join(' '),
  }));
  const program: Program = {
    name: 'random',
    functions: [...helpers, fn],
    roms: [],
    inputs: [],
    outputs: [],
    arenaBytes: end,
    arenaAlign: 16,
    stateBytes: 0,
    run,
    reset: [],
  };
  return { program, places };
}

function compare(seed: number, copies: number, level: Optimize): number {
  const random = randomFunction(seed, WASM_ACCESSES);
  const expected = random.buffers.map((bytes) => Uint8Array.from(bytes));
  callFunction(random.fn, random.helpers, expected, []);
  const { program, places } = programOf(random, copies);
  const instance = instantiate(program, level);
  for (const offsets of places) {
    random.buffers.forEach((bytes, i) => {
      instance.arena.set(bytes, offsets[i]);
    });
  }
  instance.run([]);
  places.forEach((offsets, copy) => {
    expected.forEach((bytes, i) => {
      const offset = offsets[i] as number;
      const difference = firstDifference(bytes, instance.arena.slice(offset, offset + bytes.length));
      const where = `${level}, ${copies} copies, copy ${copy}, buffer ${random.fn.params[i]?.name}`;
      const again = `MCC_SEED=${seed} MCC_CASES=1 node --import ./tools/ts.mjs tests/backends/wasm/random.test.ts`;
      assert.is(difference, undefined, `${where}: ${difference}; again with ${again}`);
    });
  });
  return instance.bytes;
}

for (const level of ['none', 'size', 'speed'] as const satisfies readonly Optimize[]) {
  test(`${COUNT} functions from seed ${FIRST_SEED}, optimize ${level}`, () => {
    let bytes = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + COUNT; seed++) bytes += compare(seed, 1 + (seed % 2), level);
    console.log(`  ${bytes} bytes of modules`);
  });
}

test.run();
