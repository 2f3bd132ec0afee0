#!/bin/sh
# Gets the ONNX backend test suite, which tests compare with: the Python package `onnx`, of which nothing is installed;
# its archive lies in .cache and is read as it is. Looks first, so that it is quick when it is there.
set -eu
cd "$(dirname "$0")/.."

# The newest version whose package holds the node tests as files.
version=1.22.0
if [ -e .cache/onnx-suite.whl ]; then
  echo 'onnx-suite.sh: the suite is there'
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
  --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 \
  --dest "$work" "onnx==$version"
mkdir -p .cache
mv "$work"/onnx-*.whl .cache/onnx-suite.whl
echo "onnx-suite.sh: version $version is in .cache/onnx-suite.whl"
