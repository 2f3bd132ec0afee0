/**
 * LiteRT.js. Its table of data types is extended with INT8 when it is bundled (see bundle.ts): its module computes with
 * 8-bit models, its public API refuses them.
 */
import { loadAndCompile, loadLiteRt, Tensor } from '@litertjs/core';

/** Node has neither `importScripts`, with which LiteRT.js loads its module's glue, nor what a page calls `self`. */
async function standInForWorker() {
  const { readFileSync } = await import('node:fs');
  const { createRequire } = await import('node:module');
  const { runInThisContext } = await import('node:vm');
  const { fileURLToPath } = await import('node:url');
  globalThis.self = globalThis;
  globalThis.require = createRequire(import.meta.url);
  globalThis.importScripts = (url) => {
    const path = fileURLToPath(url);
    // The glue asks where it lies, as modules of CommonJS may.
    globalThis.__filename = path;
    globalThis.__dirname = path.slice(0, path.lastIndexOf('/'));
    globalThis.ModuleFactory = runInThisContext(`${readFileSync(path, 'utf8')}\nModuleFactory`, path);
  };
}

export async function create({ runtime, file, model, inputs }) {
  if (globalThis.process?.versions?.node) await standInForWorker();
  await loadLiteRt(`${runtime}${file}`);
  const compiled = await loadAndCompile(model, { accelerator: 'wasm', cpuOptions: { numThreads: 1 } });
  const tensors = inputs.map(({ data, shape }) => new Tensor(data, shape));
  return {
    async run() {
      const outputs = await compiled.run(tensors);
      const values = [];
      for (const output of outputs) {
        values.push(await output.data());
        output.delete();
      }
      return values;
    },
  };
}
