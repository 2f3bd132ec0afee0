/**
 * The loader of every emitted WebAssembly package. `emitPackage` copies this file, without its comments and its `export`,
 * to the head of the package's `index.js` and calls `loaderOf` below it.
 *
 * A port is `{ name, array, length, offset }`: the typed array of its elements, how many, and where they lie in memory.
 */

/** Instantiates the module from whatever says where it is. */
async function instantiate(source, model) {
  const url = source.href ?? source;
  if (typeof url === 'string') {
    const scheme = /^\w[\w+.-]+:/.exec(url)?.[0];
    if (scheme === 'file:' || !(scheme || globalThis.location)) {
      // A name that is no literal keeps bundlers for the web from looking for the module.
      const fs = 'node:fs/promises';
      source = (await import(/* @vite-ignore */ /* webpackIgnore: true */ fs)).readFile(scheme ? new URL(url) : url);
    } else source = await fetch(url);
  }
  if (source.ok === false) throw new Error(`${model}: cannot fetch ${source.url}: status ${source.status}`);
  // Compiles while it arrives, where the server says what it is.
  if (source.headers?.get('Content-Type') === 'application/wasm') return WebAssembly.instantiateStreaming(source);
  return WebAssembly.instantiate(await (source.arrayBuffer?.() ?? source));
}

/** A typed array is known by its tag, since one from another realm (a frame, a test runner) has another constructor. */
function check(port, values, model) {
  const found = values?.[port.name];
  if (found?.[Symbol.toStringTag] === port.array.name && found.length === port.length) return found;
  const what =
    found == null
      ? `nothing (given: ${Object.keys(values ?? {}).join(', ') || 'nothing'})`
      : `${found.constructor?.name ?? typeof found} of ${found.length ?? 1}`;
  throw new TypeError(`${model}: input "${port.name}" must be ${port.array.name} of ${port.length}, found ${what}`);
}

/**
 * The `load` function of a package.
 *
 * @param model the model's name, for messages
 * @param locate gives the URL of the module that lies beside the package's code
 */
export function loaderOf(model, locate, inputs, outputs) {
  return async (source) => {
    const result = await instantiate((await source) ?? locate(), model);
    const { memory, run, reset } = (result.instance ?? result).exports;
    const view = (port) => new port.array(memory.buffer, port.offset, port.length);
    const from = inputs.map(view);
    const to = outputs.map(view);
    return {
      inputs,
      outputs,
      run(values) {
        const checked = inputs.map((port) => check(port, values, model));
        checked.forEach((array, i) => {
          from[i].set(array);
        });
        run();
        return Object.fromEntries(outputs.map((port, i) => [port.name, to[i].slice()]));
      },
      ...(reset && { reset }),
    };
  };
}
