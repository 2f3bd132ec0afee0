#!/usr/bin/env python3
"""Makes small networks, converts them with TensorFlow's converter as users do, and records reference answers.

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu==2.21.0 tf_keras==2.21.0
    venv/bin/python tools/networks/make.py [network-way…] --out tests/networks --runner PATH

Weights are random and seeded: the networks have learned nothing, but their activations spread as those of trained ones.
--runner is a build of tflite-micro's reference kernels (tools/goldens/README.md says which and how it is called). What it
refuses is answered by TensorFlow's BUILTIN_REF kernels, and golden.json says which reference answered. Answers of other
networks in golden.json are kept.
"""
import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
import zlib

import numpy as np
import tensorflow as tf

import function_networks
import keras_networks
import lstm_networks

RUNS = 3
MICRO = "tflite-micro 90b983c2, reference kernels"
LITE = f"TensorFlow {tf.__version__}, BUILTIN_REF"

# The ways in which a network is converted; each is one that the converter's guides show. The converter refuses 16x8 for
# CUMSUM, HARD_SWISH, PRELU, ARG_MAX, comparisons, NEG, SPACE_TO_DEPTH, L2_NORMALIZATION and fused LSTMs.
PLAN = {
    "dscnn": ["int8", "int16x8", "float16"],
    "mobilenet_v1": ["int8", "int8_float_ports", "uint8_ports"],
    "mobilenet_v2": ["int8", "int16x8"],
    "mobilenet_v3": ["int8", "float32"],
    "efficient": ["int8", "int16x8"],
    "resnet": ["int8", "dynamic", "float16"],
    "unet": ["int8", "int16x8", "float32"],
    "ssd": ["int8", "uint8_ports"],
    "conv1d": ["int8", "int16x8"],
    "tcn": ["int8", "int16x8"],
    "tcn_any": ["int8"],
    "dilated": ["int8", "float32"],
    "autoencoder": ["int8", "dynamic", "int16x8_float_ports"],
    "pruned": ["sparse", "sparse_int8"],
    "activations": ["int8", "float32"],
    "grouped": ["int8", "int16x8"],
    "transformer": ["int8"],
    "transformer_any": ["float32"],
    "mixer": ["int8", "float32"],
    "lstm_unrolled": ["int8", "float32"],
    "gru_unrolled": ["int8"],
    "gru_step": ["int8", "int16x8"],
    "text": ["int8", "float32"],
    "many_ports": ["int8", "float32"],
    "super_resolution": ["int8", "float32"],
    "resizing": ["int8", "float32", "int16x8"],
    "time_series": ["int8", "float32"],
    "patterns": ["float32"],
    "embedding": ["int8", "float32"],
    "classifier": ["int8", "float32"],
    "masks": ["int8", "float32"],
    "frontend": ["float32"],
    "attention": ["int8"],
    "branch": ["float32", "int8"],
    "streaming": ["int8", "float32", "int16x8"],
    "recurrent_cell": ["int8", "float32"],
    "dynamic_shape": ["int8"],
    "fake_quantized": ["trained"],
    "lstm": ["int8", "float32"],
    "lstm_stack": ["int8", "float32"],
}

# tflite-micro believes the shapes in the file, and behind SPACE_TO_BATCH_ND those are wrong when the batch is dynamic: it
# computes one batch of several and leaves the rest as memory was. TensorFlow's interpreter computes shapes.
# It also reads sparse weights as if they were dense.
WRONG_SHAPES = ("tcn_any", "dilated")

# Values of inputs that are not standard normal: (lowest, highest).
RANGES = {"mobilenet_v3": (0, 255), "text": (0, 39)}


def seed_of(name):
    return zlib.crc32(name.encode())


def fill(model, rng):
    """Kernels keep the variance of their input; the rest looks like something trained."""
    for variable in model.weights:
        name, shape = variable.path if hasattr(variable, "path") else variable.name, tuple(variable.shape)
        leaf = name.split("/")[-1].split(":")[0]
        if leaf in ("seed_generator_state",):
            continue
        if leaf == "bias" or leaf == "beta" or leaf == "moving_mean":
            value = rng.normal(0, 0.2, shape)
        elif leaf in ("gamma", "moving_variance"):
            value = rng.uniform(0.5, 1.5, shape)
        elif leaf == "alpha":
            value = rng.uniform(-0.1, 0.4, shape)
        elif leaf == "embeddings":
            value = rng.normal(0, 1, shape)
        else:
            receptive = shape[:-2] if leaf == "depthwise_kernel" else shape[:-1]
            value = rng.normal(0, (1.8 / max(1, int(np.prod(receptive)))) ** 0.5, shape)
        variable.assign(value.astype("float32"))


def samples(name, specs, count, rng):
    """Inputs of `count` runs, as floats or integers; unknown extents are 1."""
    low, high = RANGES.get(name, (None, None))
    for _ in range(count):
        run = []
        for shape, dtype in specs:
            shape = [n or 1 for n in shape]
            if dtype == "int32":
                run.append(rng.integers(low, high + 1, shape).astype("int32"))
            elif low is not None:
                run.append(rng.uniform(low, high, shape).astype("float32"))
            else:
                run.append(rng.normal(0, 1, shape).astype("float32"))
        yield run


def build(name, way):
    """A converter, and (shape, dtype name) of each input in the order of the calibration samples."""
    rng = np.random.default_rng(seed_of(name))
    if name in function_networks.NETWORKS:
        network = function_networks.NETWORKS[name](rng)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([network.run.get_concrete_function()], network)
        return converter, [(spec.shape.as_list(), spec.dtype.name) for spec in network.signature]
    source = lstm_networks if name in lstm_networks.NETWORKS else keras_networks
    model = source.NETWORKS[name]()
    fill(model, rng)
    if way.startswith("sparse"):
        prune(model)
    specs = [(list(i.shape), getattr(i.dtype, "name", i.dtype)) for i in model.inputs]
    return tf.lite.TFLiteConverter.from_keras_model(model), specs


def prune(model):
    """Keeps one block of 1x4 weights in four, as pruning for sparse kernels does."""
    for layer in model.layers:
        if layer.__class__.__name__ == "Dense":
            kernel, *rest = layer.get_weights()
            rng = np.random.default_rng(kernel.size)
            blocks = rng.random((-(-kernel.shape[0] // 4), kernel.shape[1])) < 0.25
            mask = np.repeat(blocks, 4, axis=0)[:kernel.shape[0]]
            layer.set_weights([kernel * mask * 2, *rest])


def convert(name, way):
    converter, specs = build(name, way)
    calibration = list(samples(name, specs, 40, np.random.default_rng(seed_of(name) + 1)))
    if way in ("float32", "trained"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if way == "trained" else []
    elif way == "sparse":
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    else:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if way == "sparse_int8":
        converter.optimizations += [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    if way == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if "int8" in way or "int16x8" in way or "uint8" in way:
        names = converter_inputs(name)
        converter.representative_dataset = lambda: (
            dict(zip(names, run, strict=True)) if names else run for run in calibration)
        ops = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        if "int16x8" in way:
            ops = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [ops]
        if not way.endswith("float_ports"):
            port = tf.int16 if "int16x8" in way else tf.uint8 if "uint8" in way else tf.int8
            converter.inference_input_type = converter.inference_output_type = port
    return converter.convert(), specs


def converter_inputs(name):
    """Names of a Keras model's inputs where there are several: the file has them in another order."""
    if name in function_networks.NETWORKS or name in lstm_networks.NETWORKS:
        return None
    inputs = keras_networks.NETWORKS[name]().inputs
    return [i.name for i in inputs] if len(inputs) > 1 else None


def encode(values, detail):
    """Bytes of one input; quantized where the model's input is."""
    dtype = np.dtype(detail["dtype"])
    scale, zero = detail["quantization"]
    if np.issubdtype(dtype, np.integer) and np.issubdtype(values.dtype, np.floating):
        info = np.iinfo(dtype)
        values = np.clip(np.round(values / scale) + zero, info.min, info.max)
    return values.astype(dtype).tobytes()


def inputs_of(name, model, specs):
    """Bytes `[run][input]`, in the order of the file's inputs."""
    details = tf.lite.Interpreter(model_content=model).get_input_details()
    rng = np.random.default_rng(seed_of(name) + 2)
    runs = []
    for run in samples(name, specs, RUNS, rng):
        by_shape = [(list(values.shape), values) for values in run]
        ordered = []
        for detail in details:
            at = next(i for i, (shape, _) in enumerate(by_shape) if shape == detail["shape"].tolist())
            ordered.append(encode(by_shape.pop(at)[1], detail))
        runs.append(ordered)
    return runs, len(tf.lite.Interpreter(model_content=model).get_output_details())


def run_micro(runner, path, files, outputs, folder):
    """Outputs `[run][output]` or None; refused unless they are the same with memory filled differently."""
    answers = []
    for byte in ("85", "202"):
        command = [runner, path, folder, *(",".join(run) for run in files)]
        done = subprocess.run(command, env={**os.environ, "MALLOC_PERTURB_": byte}, capture_output=True, text=True)
        if done.returncode != 0:
            return None, done.stderr.strip().splitlines()[:1] or [f"ended with {done.returncode}"]
        names = [[f"{folder}/out_{r}_{o}.bin" for o in range(outputs)] for r in range(len(files))]
        answers.append([[open(file, "rb").read() for file in run] for run in names])
    return (answers[0], []) if answers[0] == answers[1] else (None, ["the answer depends on memory never written"])


def run_lite(path, files, outputs, folder):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "goldens", "run.py")
    job = {"name": "network", "reference": "tflite", "model": path, "inputs": files, "outputs": outputs}
    with open(f"{folder}/jobs.json", "w") as file:
        json.dump([job], file)
    subprocess.run([sys.executable, script, f"{folder}/jobs.json", f"{folder}/result.json"], check=True)
    with open(f"{folder}/result.json") as file:
        answer = json.load(file)["answers"][0]
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return [[base64.b64decode(text) for text in run] for run in answer["outputs"]]


def record(name, way, model, specs, runner):
    inputs, outputs = inputs_of(name, model, specs)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.tflite"
        with open(path, "wb") as file:
            file.write(model)
        files = [[f"{folder}/in_{r}_{i}.bin" for i in range(len(run))] for r, run in enumerate(inputs)]
        for file, data in zip(sum(files, []), sum(inputs, []), strict=True):
            with open(file, "wb") as out:
                out.write(data)
        answer, why = None, ["(not asked: see WRONG_SHAPES)"]
        if name not in WRONG_SHAPES and not way.startswith("sparse"):
            answer, why = run_micro(runner, path, files, outputs, folder)
        reference = MICRO if answer else LITE
        answer = answer or run_lite(path, files, outputs, folder)

    def text(runs):
        """`;` between runs, `,` between ports."""
        return ";".join(",".join(base64.b64encode(data).decode() for data in run) for run in runs)

    return {"reference": reference, "inputs": text(inputs), "outputs": text(answer)}, why


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", required=True)
    parser.add_argument("--runner", required=True)
    options = parser.parse_args()
    golden_path = os.path.join(options.out, "golden.json")
    golden = json.load(open(golden_path)) if os.path.exists(golden_path) else {}
    wanted = options.names or [f"{name}-{way}" for name, ways in PLAN.items() for way in ways]
    failed = []
    for full in wanted:
        name, way = full.split("-")
        try:
            model, specs = convert(name, way)
            golden[full], why = record(name, way, model, specs, options.runner)
        except Exception as error:  # noqa: BLE001: the converter's and the interpreters' errors have no common class
            failed.append(full)
            print(f"{full}: {type(error).__name__}: {str(error)[:600]}", flush=True)
            continue
        with open(os.path.join(options.out, f"{full}.tflite"), "wb") as file:
            file.write(model)
        print(f"{full}: {len(model)} bytes, {golden[full]['reference']} {' '.join(why)}", flush=True)
        with open(golden_path, "w") as file:
            json.dump(dict(sorted(golden.items())), file, indent=2)
            file.write("\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
