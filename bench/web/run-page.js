/** The page's side of bench:web: one measurement in a page that has done nothing before. */
import { measure } from './measure.js';

async function bytesAt(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

globalThis.bench = async ({ script, options, model, inputs }) => {
  const started = performance.now();
  const [peer, bytes] = await Promise.all([import(`/${script}`), model && bytesAt(`/${model}`)]);
  const runtime = new URL(`/${options.runtime}`, location.href).href;
  const job = { ...options, runtime, model: bytes, inputs: inputs.map(decoded) };
  const result = await measure(peer, job, started);
  return { ...result, outputs: result.outputs.map((array) => Array.from(array)) };
};

function decoded({ array, shape, values }) {
  return { shape, data: globalThis[array].from(values) };
}
