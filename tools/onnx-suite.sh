#!/bin/sh
# Gets the ONNX backend test suite, which the tests compare with: data of the Python package `onnx`, of which nothing is
# installed. Looks first, so that it is quick when the suite is there.
#
#   tools/onnx-suite.sh          into .cache/onnx-suite
set -eu
cd "$(dirname "$0")/.."

# The newest version whose package holds the node tests as files.
version=1.22.0
target=.cache/onnx-suite
if [ -e "$target/$version" ]; then
  echo "onnx-suite.sh: version $version is there"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --platform manylinux_2_28_x86_64 \
  --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 --dest "$work" "onnx==$version"
python3 - "$work" "$target" <<'PYTHON'
import glob, shutil, sys, zipfile
work, target = sys.argv[1:]
shutil.rmtree(target, ignore_errors=True)
prefix = 'onnx/backend/test/data/'
with zipfile.ZipFile(glob.glob(work + '/*.whl')[0]) as wheel:
    for name in wheel.namelist():
        if name.startswith(prefix) and '..' not in name:
            wheel.extract(name, work + '/all')
shutil.move(work + '/all/' + prefix, target)
PYTHON
touch "$target/$version"
echo "onnx-suite.sh: $(find "$target" -name model.onnx | wc -l) models in $target"
