/** Puts what pages and processes load into one folder: bundled peers, their modules, models and emitted packages. */
import { copyFileSync, cpSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** LiteRT.js knows float32, int32 and uint8; this is the entry for int8 that its table lacks. */
const INT8_ENTRY = '{ dtype: "int8", typedArrayConstructor: Int8Array, elementType: ElementType.INT8 },';
const TABLE_HEAD = 'var DATATYPES = Object.freeze([';

const litertWithInt8: Plugin = {
  name: 'litert-with-int8',
  setup(builder) {
    builder.onLoad({ filter: /@litertjs\/core\/dist\/index\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      if (!source.includes(TABLE_HEAD)) throw new Error(`${path}: has no ${TABLE_HEAD}; another version of LiteRT.js?`);
      return { contents: source.replace(TABLE_HEAD, `${TABLE_HEAD}\n  ${INT8_ENTRY}`), loader: 'js' };
    });
  },
};

/** Folders of modules and glue that the peers load at run time, by their name in the stage. */
const RUNTIMES = {
  litert: 'node_modules/@litertjs/core/wasm',
  ort: 'node_modules/onnxruntime-web/dist',
  'tfjs-tflite': 'node_modules/@tensorflow/tfjs-tflite/wasm',
} as const;

/** @throws Error when the peers are not installed */
export async function stagePeers(folder: string): Promise<void> {
  for (const [name, from] of Object.entries(RUNTIMES)) {
    cpSync(join(HERE, from), join(folder, 'runtime', name), { recursive: true });
  }
  await build({
    entryPoints: ['mcc', 'litert', 'ort', 'tfjs-tflite'].map((name) => join(HERE, 'peers', `${name}.js`)),
    outdir: join(folder, 'peers'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    external: ['node:*', 'module', 'fs', 'url', 'worker_threads', 'path', 'os', 'perf_hooks', 'util', 'vm', 'crypto'],
    plugins: [litertWithInt8],
    logLevel: 'error',
  });
  for (const name of ['measure.js', 'run-page.js']) copyFileSync(join(HERE, name), join(folder, name));
  mkdirSync(join(folder, 'models'), { recursive: true });
}

/** Version of an installed peer. */
export function versionOf(name: string): string {
  const entry = createRequire(import.meta.url).resolve(join(HERE, 'node_modules', name, 'package.json'));
  return (JSON.parse(readFileSync(join(dirname(entry), 'package.json'), 'utf8')) as { version: string }).version;
}
