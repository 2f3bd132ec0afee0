/** A package as its user meets it: imported by plain Node, type-checked by tsc in strict mode. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitPackage } from '../../../backends/wasm/package.ts';
import { TINY } from './fixture.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const OPTIONS = { name: '@acme/tiny', version: '1.2.3', banner: 'Made by a test\nfrom tiny.tflite' } as const;

const test = suite('wasm: package');
let project = '';

test.before(() => {
  project = mkdtempSync(join(tmpdir(), 'mcc-package-'));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  for (const { path, content } of emitPackage(TINY, OPTIONS)) {
    const file = join(project, 'node_modules', OPTIONS.name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
});

test.after(() => rmSync(project, { recursive: true }));

/** What a user's program prints. */
function runUser(source: string): string {
  writeFileSync(join(project, 'user.js'), source);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['user.js'], { cwd: project, encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return stdout.trim();
}

/** The types that a program for the web has, and those of one for Node. */
const WEB = ['--lib', 'es2023,dom', '--types', ''];
const NODE = ['--lib', 'es2023', '--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')];

/** What the compiler says of a user's TypeScript. */
function typeCheck(source: string, platform = WEB): { readonly status: number | null; readonly text: string } {
  writeFileSync(join(project, 'user.ts'), source);
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const options = ['--strict', '--noEmit', '--module', 'nodenext', ...platform, 'user.ts'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, ...options], { cwd: project, encoding: 'utf8' });
  return { status, text: `${stdout}${stderr}` };
}

const INPUTS = `{
  input_1: Int8Array.of(1, -2, 3, 100),
  'serving default:0': Float32Array.of(0, 0.5, -1),
}`;

test('runs in Node, keeps state, resets it', () => {
  const printed = runUser(`
    import { load } from '@acme/tiny';
    const model = await load();
    const other = await load();
    const first = model.run(${INPUTS});
    const second = model.run(${INPUTS});
    model.reset();
    const third = model.run(${INPUTS});
    const apart = other.run(${INPUTS});
    const show = (outputs) => Object.entries(outputs).map(([name, x]) => name + '=' + x.constructor.name + ':' + [...x]);
    for (const outputs of [first, second, third, apart]) console.log(show(outputs).join(' '));
  `);
  const expected = [101, 102, 101, 101].map(
    (runs) => `Identity=Int8Array:2,-3,5,127 a "b"/*c*/=Uint8Array:0,1,0 Identity_1=BigInt64Array:${runs}`,
  );
  assert.is(printed, expected.join('\n'));
});

test('tells names, shapes and scales', () => {
  const printed = runUser(`
    import { load } from '@acme/tiny';
    const { inputs, outputs } = await load();
    console.log(JSON.stringify([...inputs, ...outputs].map(({ name, dtype, shape, length, scale, zeroPoint }) =>
      [name, dtype, shape, length, scale ?? null, zeroPoint ?? null])));
  `);
  assert.equal(JSON.parse(printed), [
    ['input_1', 'int8', [1, 4], 4, 0.5, -3],
    ['serving default:0', 'float32', [1, 3], 3, null, null],
    ['Identity', 'int8', [1, 4], 4, 1, 0],
    ['a "b"/*c*/', 'bool', [1, 3], 3, null, null],
    ['Identity_1', 'int64', [1, 1], 1, null, null],
  ]);
});

test('type-checks a right use', () => {
  const { status, text } = typeCheck(`
    import { load, type Inputs, type Model, type Outputs } from '@acme/tiny';
    const model: Model = await load(fetch('x.wasm'));
    const inputs: Inputs = ${INPUTS};
    const outputs: Outputs = model.run(inputs);
    const identity: Int8Array = outputs.Identity;
    const mask: Uint8Array = outputs['a "b"/*c*/'];
    const runs: BigInt64Array = outputs.Identity_1;
    const name: 'input_1' | 'serving default:0' | undefined = model.inputs[0]?.name;
    model.reset();
    await load(new URL('https://example.org/x.wasm'));
    await load(new Uint8Array(8));
    await load(new WebAssembly.Module(new Uint8Array(8)));
    console.log(identity, mask, runs, name);
  `);
  assert.is(text, '');
  assert.is(status, 0);
});

test('type-checks in a program for Node, which has no types of the web', () => {
  const { status, text } = typeCheck(
    `
    import { readFile } from 'node:fs/promises';
    import { load } from '@acme/tiny';
    const model = await load(await readFile('x.wasm'));
    await load(new URL('file:///x.wasm'));
    const identity: Int8Array = model.run(${INPUTS}).Identity;
    console.log(identity);
  `,
    NODE,
  );
  assert.is(text, '');
  assert.is(status, 0);
});

test('documents shapes and scales', () => {
  const types = String(emitPackage(TINY, OPTIONS).find(({ path }) => path === 'index.d.ts')?.content);
  assert.ok(types.startsWith('// Made by a test\n// from tiny.tflite\n'));
  assert.ok(types.includes('/** int8, shape [1, 4], 4 elements; real value = 0.5 * (x + 3) */\n  input_1: Int8Array;'));
  assert.ok(types.includes('/** int8, shape [1, 4], 4 elements; real value = 1 * x */\n  Identity: Int8Array;'));
});

const WRONG = {
  'a wrong name': [`model.run({ input_2: new Int8Array(4), 'serving default:0': new Float32Array(3) });`, 'input_2'],
  'a wrong type': [`model.run({ input_1: new Uint8Array(4), 'serving default:0': new Float32Array(3) });`, 'Int8Array'],
  'a missing input': ['model.run({ input_1: new Int8Array(4) });', 'serving default:0'],
  'a wrong output': [`model.run(${INPUTS}).identity;`, 'identity'],
} as const;

test('does not type-check wrong uses', () => {
  const lines = Object.values(WRONG).map(([code]) => code.replaceAll('\n', ' '));
  const { status, text } = typeCheck(
    [`import { load } from '@acme/tiny';`, 'const model = await load();', ...lines].join('\n'),
  );
  assert.is.not(status, 0);
  Object.entries(WRONG).forEach(([what, [, mentioned]], i) => {
    const said = text.split('\n').find((line) => line.startsWith(`user.ts(${i + 3},`));
    assert.ok(said?.includes(mentioned), `${what}: tsc says ${text}`);
  });
});

test('has the files it lists and a small loader', () => {
  const files = new Map(emitPackage(TINY, OPTIONS).map(({ path, content }) => [path, Buffer.from(content)]));
  assert.equal([...files.keys()], ['tiny.wasm', 'index.js', 'index.d.ts', 'package.json', 'README.md']);
  const manifest = JSON.parse(String(files.get('package.json')));
  assert.is(manifest.name, '@acme/tiny');
  assert.is(manifest.version, '1.2.3');
  for (const listed of manifest.files) assert.ok(files.has(listed), `${listed} is listed but not written`);
  const sizes = [...files].map(
    ([path, content]) => `${path} ${content.length} (gzip ${gzipSync(content, { level: 9 }).length})`,
  );
  console.log(`  ${sizes.join(', ')}`);
  const loader = gzipSync(files.get('index.js') as Buffer, { level: 9 }).length;
  assert.ok(loader <= 1200, `index.js has ${loader} bytes after gzip; a kilobyte was the promise`);
});

test('is the same for the same program', () => {
  const bytes = () =>
    emitPackage(TINY, OPTIONS).map(({ path, content }) => [path, Buffer.from(content).toString('hex')]);
  assert.equal(bytes(), bytes());
});

test('refuses names that npm refuses', () => {
  const message =
    '"My Model" cannot name an npm package: expected lower-case letters, digits and . _ ~ - ' +
    'after an optional @scope/; choose another name';
  assert.throws(
    () => emitPackage(TINY, { ...OPTIONS, name: 'My Model' }),
    (error: Error) => error.message === message,
  );
});

test.run();
