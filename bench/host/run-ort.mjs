/** One measurement of onnxruntime-node, one thread, in a process of its own. The request comes on stdin. */
import { text } from 'node:stream/consumers';
import ort from 'onnxruntime-node';
import { measure } from '../web/measure.js';

const DTYPES = { Float32Array: 'float32', Uint8Array: 'uint8' };

async function create({ model, inputs }) {
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const feeds = Object.fromEntries(
    session.inputNames.map((name, i) => {
      const { array, values, shape } = inputs[i];
      return [name, new ort.Tensor(DTYPES[array], globalThis[array].from(values), shape)];
    }),
  );
  return {
    async run() {
      const outputs = await session.run(feeds);
      return session.outputNames.map((name) => outputs[name].data);
    },
  };
}

const started = performance.now();
const result = await measure({ create }, JSON.parse(await text(process.stdin)), started);
const outputs = result.outputs.map((array) => Array.from(array));
process.stdout.write(`\n${JSON.stringify({ ...result, outputs })}\n`, () => process.exit(0));
