/** The structure that ARCHITECTURE.md promises: which folder may import which, which file a library, how long files are. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LAYERS = ['ir', 'compiler', 'backends'];
const MOST_LINES = 600;

/** What a folder's files may import from this repository. The first entry that holds the file decides. */
const ARROWS: readonly (readonly [folder: string, allowed: readonly string[]])[] = [
  ['ir/loop', ['ir/loop']],
  ['ir/tensor', ['ir/tensor']],
  ['backends/c', ['backends/c', 'ir/loop']],
  ['backends/wasm', ['backends/wasm', 'ir/loop']],
  ['compiler/cli', ['compiler', 'backends', 'ir']],
  ['compiler/targets', ['compiler/targets', 'ir/loop']],
  ['compiler/plan', ['compiler/plan']],
  ['compiler', ['compiler', 'ir']],
];

/** Libraries and the only places that may import them. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  zod: ['ir/tensor', 'compiler'],
  binaryen: ['backends/wasm/binaryen.ts'],
  'ts-morph': ['backends/wasm/typings.ts'],
  flatbuffers: ['compiler/import/tflite/reader.ts'],
  '@bufbuild/protobuf/wire': ['compiler/import/onnx/wire.ts'],
  commander: ['compiler/cli/program.ts'],
  'cli-progress': ['compiler/cli/progress.ts'],
  'csv-parse': ['compiler/data/csv.ts'],
  'fast-png': ['compiler/data/png.ts'],
  'jpeg-js': ['compiler/data/jpeg.ts'],
  yauzl: ['compiler/data/npz.ts'],
};

function sources(folder: string): string[] {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts')).map((file) => `${folder}/${file.replaceAll('\\', '/')}`);
}

function imports(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const statements = text.matchAll(
    /^(?:import|export|\})[^;]*? from '([^'\s$]+)';$|^import '([^'\s$]+)';$|\bimport\('([^'\s$]+)'\)/gm,
  );
  return [...statements].map((match) => (match[1] ?? match[2] ?? match[3]) as string);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

const test = suite('architecture');

test('folders import only along the arrows', () => {
  const wrong: string[] = [];
  for (const file of LAYERS.flatMap(sources)) {
    const allowed = ARROWS.find(([folder]) => isWithin(file, folder))?.[1] ?? [];
    for (const target of imports(file).filter((name) => name.startsWith('.'))) {
      const path = normalize(join(dirname(file), target));
      if (!allowed.some((folder) => isWithin(path, folder))) wrong.push(`${file} imports ${path}`);
    }
  }
  assert.equal(wrong, []);
});

test('only compiler/cli imports compiler/cli', () => {
  const wrong = sources('compiler')
    .filter((file) => !isWithin(file, 'compiler/cli'))
    .filter((file) => imports(file).some((name) => normalize(join(dirname(file), name)).startsWith('compiler/cli')));
  assert.equal(wrong, []);
});

test('each library is imported where it belongs and nowhere else', () => {
  const wrong: string[] = [];
  for (const file of LAYERS.flatMap(sources)) {
    for (const name of imports(file).filter((target) => !target.startsWith('.') && !target.startsWith('node:'))) {
      const places = LIBRARIES[name];
      if (!places?.some((place) => isWithin(file, place))) wrong.push(`${file} imports ${name}`);
    }
  }
  assert.equal(wrong, []);
});

test('files have one subject and fewer than 600 lines', () => {
  const long = [...LAYERS, 'tests', 'tools']
    .flatMap(sources)
    .map((file) => ({ file, lines: readFileSync(join(ROOT, file), 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > MOST_LINES);
  assert.equal(long, []);
});

test.run();
