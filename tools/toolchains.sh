#!/bin/sh
# Installs what the tests need besides Node, on Debian or a relative of it: compilers, emulators, a browser, CMake, pictures.
# Looks first, so that it is quick when all is there, and removes nothing.
#
#   tools/toolchains.sh            install what is missing
#   tools/toolchains.sh --check    only say what is missing; exit status 1 when anything is
set -eu

# One line for each thing: the package, and commands or files of which any shows it is there.
# libclang-rt stands for the one that belongs to the system's clang, such as libclang-rt-14-dev.
needed='
gcc                           gcc
g++                           g++
libc6-dev                     /usr/include/stdio.h
clang                         clang
libclang-rt                   /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.asan-*.a
gcc-arm-none-eabi             arm-none-eabi-gcc
libnewlib-arm-none-eabi       /usr/lib/arm-none-eabi/include/string.h
gcc-riscv64-unknown-elf       riscv64-unknown-elf-gcc
picolibc-riscv64-unknown-elf  /usr/lib/picolibc/riscv64-unknown-elf/picolibc.specs
gcc-aarch64-linux-gnu         aarch64-linux-gnu-gcc
libc6-dev-arm64-cross         /usr/aarch64-linux-gnu/include/stdio.h
qemu-system-arm               qemu-system-arm
qemu-system-misc              qemu-system-riscv32
qemu-user                     qemu-aarch64
emscripten                    emcc
chromium                      chromium
cmake                         cmake
python3-pip                   pip3 pip
make                          make
dataset-fashion-mnist         /usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz
'

is_there() {
  for evidence in "$@"; do
    case $evidence in
      /*) if [ -e "$evidence" ]; then return 0; fi ;;
      *) if command -v "$evidence" >/dev/null 2>&1; then return 0; fi ;;
    esac
  done
  return 1
}

list_missing() {
  echo "$needed" | while read -r package evidence; do
    # The patterns in $evidence are meant to expand.
    # shellcheck disable=SC2086
    if [ -n "$package" ] && ! is_there $evidence; then
      echo "$package"
    fi
  done | sort -u | tr '\n' ' '
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    echo "toolchains.sh: not root and no sudo; run as root: $*" >&2
    exit 1
  fi
}

# Test data that is no program: the suite of ONNX's operators.
get_suite() {
  if [ "${1:-}" != --check ]; then
    "$(dirname "$0")/onnx-suite.sh"
  fi
}

missing=$(list_missing)
if [ -z "$missing" ]; then
  echo 'toolchains.sh: everything is installed'
  get_suite "$@"
  exit 0
fi
echo "toolchains.sh: missing: $missing"
if [ "${1:-}" = --check ]; then
  exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo 'toolchains.sh: there is no apt-get here; install the packages above, or what your system calls them' >&2
  exit 1
fi

# Waits for another apt-get (unattended upgrades, another job) instead of failing on its lock.
options='-y -q --no-install-recommends --no-remove -o DPkg::Lock::Timeout=600'
as_root apt-get update -q
clang_version=$(apt-cache depends clang | sed -n 's/^ *Depends: clang-\([0-9][0-9]*\)$/\1/p')
packages=$(echo "$missing" | sed "s/libclang-rt/libclang-rt-$clang_version-dev/")
# shellcheck disable=SC2086
as_root env DEBIAN_FRONTEND=noninteractive apt-get install $options $packages

missing=$(list_missing)
if [ -n "$missing" ]; then
  echo "toolchains.sh: installed, but still not found: $missing" >&2
  exit 1
fi

# Emscripten runs node and reads a cache of libraries: show here rather than in a test that both work.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'int main(void) { return 0; }' >"$work/a.c"
if ! NODE_PATH="${NODE_PATH:+$NODE_PATH:}/usr/share/nodejs" EM_NODE_JS="$(command -v node)" \
  emcc "$work/a.c" -O2 -o "$work/a.js" 2>"$work/log"; then
  cat "$work/log" >&2
  echo 'toolchains.sh: emcc is installed but cannot compile' >&2
  exit 1
fi
echo 'toolchains.sh: everything is installed'
get_suite
