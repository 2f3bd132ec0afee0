/** The loader by itself: every kind of source, and the exact words for wrong inputs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitWasm } from '../../../backends/wasm/index.ts';
import { TINY } from './fixture.ts';

interface Loaded {
  readonly run: (inputs: unknown) => { readonly doubled: Int8Array };
}

const { loaderOf } = (await import(new URL('../../../runtime/js/loader.js', import.meta.url).href)) as {
  loaderOf: (
    model: string,
    locate: () => URL,
    inputs: unknown,
    outputs: unknown,
  ) => (source?: unknown) => Promise<Loaded>;
};

const test = suite('wasm: loader');
const { wasm, layout } = emitWasm(TINY);
const folder = mkdtempSync(join(tmpdir(), 'mcc-loader-'));
const file = join(folder, 'a model.wasm');
writeFileSync(file, wasm);
let server: Server;
let origin = '';

test.before(async () => {
  server = createServer((request, response) => {
    if (request.url === '/tiny.wasm') response.end(wasm);
    else response.writeHead(404).end('no');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

test.after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const port = (name: string, array: unknown, length: number, offset: number | undefined) => ({
  name,
  array,
  length,
  offset,
});
const load = loaderOf(
  'tiny',
  () => pathToFileURL(file),
  [port('x', Int8Array, 4, layout.inputs[0]), port('y', Float32Array, 3, layout.inputs[1])],
  [port('doubled', Int8Array, 4, layout.outputs[0])],
);
const RIGHT = { x: Int8Array.of(1, -2, 3, 100), y: new Float32Array(3) };

async function works(source?: unknown): Promise<void> {
  const { doubled } = (await load(source)).run(RIGHT);
  assert.equal(doubled, Int8Array.of(2, -3, 5, 127));
}

test('takes every kind of source', async () => {
  const { Module } = (globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } })
    .WebAssembly;
  await works();
  await works(pathToFileURL(file));
  await works(pathToFileURL(file).href);
  await works(file);
  await works(relative(process.cwd(), file));
  await works(`${origin}/tiny.wasm`);
  await works(new URL(`${origin}/tiny.wasm`));
  await works(`data:application/wasm;base64,${Buffer.from(wasm).toString('base64')}`);
  await works(fetch(`${origin}/tiny.wasm`));
  await works(await fetch(`${origin}/tiny.wasm`));
  // What says that it is a module is compiled while it arrives.
  await works(new Response(Uint8Array.from(wasm), { headers: { 'Content-Type': 'application/wasm' } }));
  await works(wasm);
  await works(Uint8Array.from(wasm).buffer);
  await works(new Module(wasm));
});

async function message(source: unknown): Promise<string> {
  return load(source).then(
    () => 'loaded',
    (error: Error) => error.message,
  );
}

test('says why a source cannot be had', async () => {
  assert.is(await message(`${origin}/other.wasm`), `tiny: cannot fetch ${origin}/other.wasm: status 404`);
  assert.match(await message(join(folder, 'other.wasm')), /ENOENT.*other\.wasm/);
  assert.match(await message(new Uint8Array(8)), /magic word/);
});

test('says what is wrong with an input', async () => {
  const model = await load();
  const said = (inputs: unknown): string => {
    try {
      model.run(inputs);
      return 'ran';
    } catch (error) {
      return `${(error as Error).name} ${(error as Error).message}`;
    }
  };
  const { x, y } = RIGHT;
  const x4 = 'TypeError tiny: input "x" must be Int8Array of 4, found';
  assert.is(said({ x, y }), 'ran');
  assert.is(said({ X: x, y }), `${x4} nothing (given: X, y)`);
  assert.is(said({}), `${x4} nothing (given: nothing)`);
  assert.is(said(undefined), `${x4} nothing (given: nothing)`);
  assert.is(said({ x: new Uint8Array(4), y }), `${x4} Uint8Array of 4`);
  assert.is(said({ x: new Int8Array(5), y }), `${x4} Int8Array of 5`);
  assert.is(said({ x: [1, 2, 3, 4], y }), `${x4} Array of 4`);
  assert.is(said({ x: 7, y }), `${x4} Number of 1`);
  assert.is(
    said({ x, y: new Float64Array(3) }),
    'TypeError tiny: input "y" must be Float32Array of 3, found Float64Array of 3',
  );
});

test('takes arrays of another realm and gives copies', async () => {
  const model = await load();
  const first = model.run({ ...RIGHT, x: runInNewContext('Int8Array.of(1, -2, 3, 100)') });
  model.run({ ...RIGHT, x: new Int8Array(4) });
  assert.equal(first.doubled, Int8Array.of(2, -3, 5, 127));
});

test.run();
