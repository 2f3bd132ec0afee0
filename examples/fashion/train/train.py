"""Trains the fashion network on Fashion-MNIST and writes ../fashion.onnx.

    python -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python train.py

Fashion-MNIST (60,000 training and 10,000 test images of 28x28 grey pixels, ten classes) comes from the Debian package
dataset-fashion-mnist unless --data names a folder that holds its four idx files, plain or as .gz.

The network takes one picture as f32 [1, 1, 28, 28] (NCHW), its pixels p of 0...255 normalised as (p / 255 - 0.2860) / 0.3530,
and gives ten logits. `e` is the number of channels between the two 1x1 convolutions of an inverted residual block
(Sandler et al., MobileNetV2, 2018), which adds its input to its result when both have one shape:

    conv 3x3, 16 channels, ReLU                  28x28x16
    depthwise conv 3x3, stride 2, ReLU           14x14x16
    conv 1x1, 32 channels, ReLU                  14x14x32
    2 x inverted residual, e = 64, ReLU6         14x14x32
    inverted residual, e = 96, stride 2, ReLU6   7x7x48
    3 x inverted residual, e = 144, ReLU6        7x7x48
    conv 1x1, 96 channels, ReLU                  7x7x96
    global average pool, dense                   10

That is 22 convolutions, each with batch normalisation, and one dense layer.
"""

import argparse
import gzip
import hashlib
import pathlib
import sys
import time

import numpy as np
import onnx
import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
SEED = 1
MEAN, STD = 0.2860, 0.3530  # of the training pixels divided by 255
SHIFT = 1  # pixels, either way, in both directions
BATCH = 128


def read_idx(folder, name):
    """Reads an idx file of unsigned bytes: two zero bytes, type 8, the rank, big-endian sizes, the data."""
    plain, packed = folder / name, folder / f"{name}.gz"
    if not plain.exists() and not packed.exists():
        sys.exit(f"{plain}: expected this file, plain or as .gz; install dataset-fashion-mnist or name a folder with --data")
    raw = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
    if raw[:3] != b"\0\0\x08":
        sys.exit(f"{plain}: expected an idx file of unsigned bytes, found it to start with {raw[:4].hex()}")
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def convolution(channels_in, channels, kernel, activation, stride=1, groups=1):
    layers = [
        nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
    ]
    return nn.Sequential(*layers, activation()) if activation else nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """1x1 to `middle` channels, depthwise 3x3, 1x1 to `channels`; plus the input where the shapes are the same."""

    def __init__(self, channels_in, middle, channels, stride=1):
        super().__init__()
        self.adds = stride == 1 and channels_in == channels
        self.body = nn.Sequential(
            convolution(channels_in, middle, 1, nn.ReLU6),
            convolution(middle, middle, 3, nn.ReLU6, stride, groups=middle),
            convolution(middle, channels, 1, None),
        )

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def network():
    """The network of this file's head, [n, 1, 28, 28] to [n, 10] logits."""
    return nn.Sequential(
        convolution(1, 16, 3, nn.ReLU),
        convolution(16, 16, 3, nn.ReLU, stride=2, groups=16),
        convolution(16, 32, 1, nn.ReLU),
        InvertedResidual(32, 64, 32),
        InvertedResidual(32, 64, 32),
        InvertedResidual(32, 96, 48, stride=2),
        InvertedResidual(48, 144, 48),
        InvertedResidual(48, 144, 48),
        InvertedResidual(48, 144, 48),
        convolution(48, 96, 1, nn.ReLU),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(96, 10),
    )


def normalised(pixels):
    """u8 [n, 28, 28] as the network's input, f32 [n, 1, 28, 28]."""
    return ((torch.tensor(pixels).float() / 255 - MEAN) / STD)[:, None]


def augmented(images, generator):
    """Shifts the whole batch by up to SHIFT pixels, mirrors each image with even odds. Paper is black: -MEAN / STD."""
    dy, dx = torch.randint(0, 2 * SHIFT + 1, (2,), generator=generator).tolist()
    wide = nn.functional.pad(images, (SHIFT,) * 4, value=-MEAN / STD)
    moved = wide[:, :, dy : dy + 28, dx : dx + 28]
    mirrored = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
    return torch.where(mirrored, moved.flip(3), moved)


def train(model, images, labels, epochs):
    """AdamW; the learning rate rises, then falls to nothing (one cycle)."""
    generator = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    steps = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=epochs * steps, pct_start=0.2)
    for epoch in range(epochs):
        model.train()
        started, total = time.monotonic(), 0.0
        order = torch.randperm(len(images), generator=generator)
        for step in range(steps):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            batch = augmented(images[chosen], generator).to(memory_format=torch.channels_last)
            loss = nn.functional.cross_entropy(model(batch), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / steps:.4f}, {time.monotonic() - started:.0f} s", flush=True)


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(part).argmax(1) for part in images.split(500)])
    return (found == labels).float().mean().item()


def export(model, path):
    """Writes ONNX with torch's exporter, which folds batch normalisation into the convolutions."""
    torch.onnx.export(
        model.eval(),
        (torch.zeros(1, 1, 28, 28),),
        str(path),
        input_names=["image"],
        output_names=["logits"],
        opset_version=17,
        dynamo=False,
    )
    onnx.checker.check_model(onnx.load(path), full_check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, default=DATA, help="folder with Fashion-MNIST's four idx files")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent, help="where fashion.onnx goes")
    options = parser.parse_args()

    torch.manual_seed(SEED)
    images, test_images = (normalised(read_idx(options.data, f"{part}-images-idx3-ubyte")) for part in ("train", "t10k"))
    labels, test_labels = (
        torch.tensor(read_idx(options.data, f"{part}-labels-idx1-ubyte")).long() for part in ("train", "t10k")
    )
    # Twice as fast on a CPU; the exported file is NCHW all the same.
    model = network().to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    train(model, images, labels, options.epochs)
    reached = accuracy(model, test_images, test_labels)
    print(f"{100 * reached:.2f} % of {len(test_labels)} test images")
    if reached < 0.9:
        sys.exit("accuracy is below 90 %: nothing written")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "fashion.onnx"
    export(model, path)
    written = path.read_bytes()
    print(f"fashion.onnx: {len(written)} bytes, sha256 {hashlib.sha256(written).hexdigest()[:16]}")


if __name__ == "__main__":
    main()
