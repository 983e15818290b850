#!/bin/sh
# Makes the virtual environment of the PyTorch peer, once, in the user's cache; prints the path of its Python.
#   "$(bench/pytorch/setup.sh)" bench/pytorch/bench_gfnet.py --stage 1
# Needs Linux on x86-64, Python 3.11 (or PYTHON=...), gcc and binutils; downloads 540 MB.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${GFNET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gfnet}
venv=$cache/pytorch-2.15.0
python=$venv/bin/python
done_mark=$venv/.gfnet-ready

if ! cmp -s "$here/requirements.txt" "$done_mark"; then
  {
    "${PYTHON:-python3.11}" -m venv --clear "$venv"
    # --no-deps: PyTorch's own list would bring 3 GB of CUDA libraries.
    "$python" -m pip install --no-cache-dir --only-binary=:all: --no-deps -r "$here/requirements.txt"
    "$python" "$here/cpu_only.py"
    "$python" -c 'import torch; torch.ones(2, 2) @ torch.ones(2, 2)'
    cp "$here/requirements.txt" "$done_mark"
  } >&2
fi
echo "$python"
