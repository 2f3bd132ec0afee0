/** The TFLite interpreter inside @tensorflow/tfjs-tflite, without the tensors of TensorFlow.js around it. */
function addScript(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = url;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`cannot load ${url}`));
    document.head.append(script);
  });
}

export async function create({ runtime, model, inputs }) {
  await addScript(`${runtime}tflite_web_api_client.js`);
  const { tflite_web_api: api, TFLiteWebModelRunner } = globalThis.tfweb;
  api.setWasmPath(runtime);
  const runner = await TFLiteWebModelRunner.create(model.buffer, { numThreads: 1 });
  const from = runner.getInputs();
  const to = runner.getOutputs();
  return {
    run() {
      from.forEach((tensor, i) => {
        tensor.data().set(inputs[i].data);
      });
      if (!runner.infer()) throw new Error('tfjs-tflite: infer() failed');
      return to.map((tensor) => tensor.data().slice());
    },
  };
}
