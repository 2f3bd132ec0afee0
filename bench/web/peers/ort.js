/** onnxruntime-web, WebAssembly backend. */
import * as ort from 'onnxruntime-web/wasm';

const DTYPES = { Float32Array: 'float32', Uint8Array: 'uint8', Int8Array: 'int8' };

export async function create({ runtime, model, inputs }) {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = runtime;
  const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] });
  const feeds = Object.fromEntries(
    session.inputNames.map((name, i) => {
      const { data, shape } = inputs[i];
      return [name, new ort.Tensor(DTYPES[data.constructor.name], data, shape)];
    }),
  );
  return {
    async run() {
      const outputs = await session.run(feeds);
      return session.outputNames.map((name) => outputs[name].data);
    },
  };
}
