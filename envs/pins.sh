#!/usr/bin/env bash
# Refresh the pinned lists after a change of pyproject.toml: resolve, export, split. Usage: make pins
set -euo pipefail
cd "$(dirname "$0")/.."
. envs/uv.sh
uv="$(find_uv)" || { echo "pins: uv is needed and could not be installed" >&2; exit 1; }

# The last torch that the package index has for CUDA 12 (12.8): drivers from 525 on, cards from Volta on.
CUDA12_TORCH=2.10.0

# A wheel folder of this machine must not find its way into the lists.
unset UV_FIND_LINKS PIP_FIND_LINKS
export UV_FORK_STRATEGY=fewest # one version of a package, not one for each patch of Python

lock_with() { # a lock in a folder of its own, of the pyproject.toml there, with the requirements on stdin
  {
    echo '[tool.uv]'
    sed 's/.*/  "&",/; 1i constraint-dependencies = [' && echo ']'
  } >> "$1/pyproject.toml"
  "$uv" lock --quiet --python 3.11 --project "$1"
}

export_from() {
  "$uv" export --quiet --frozen --no-hashes --no-emit-project --all-groups --no-annotate --no-header --project "$1"
}

# uv keeps the versions of uv.lock, which is not in git: in a fresh clone it is made from the lists as committed,
# so that a new package moves no other.
seed_lock() {
  local folder made=1
  folder="$(mktemp -d)"
  git show HEAD:pyproject.toml > "$folder/pyproject.toml"
  if git show HEAD:envs/cuda.txt | lock_with "$folder"; then cp "$folder/uv.lock" uv.lock && made=0; fi
  rm -r "$folder"
  return $made
}
if [ ! -f uv.lock ] && [ -z "${UPGRADE:-}" ]; then
  seed_lock || echo "pins: the lists do not fit pyproject.toml; every version is taken anew" >&2
fi
"$uv" lock --quiet --python 3.11 ${UPGRADE:+--upgrade}
export_from . > envs/cuda.txt

# What only a GPU needs. nvidia-ml-py3 is a pure Python dependency of chgnet and stays.
without_gpu() {
  grep -vE '^(nvidia-|cuda-|triton)' envs/cuda.txt
  grep -E '^nvidia-ml-py3==' envs/cuda.txt
}
without_gpu > envs/cpu.txt.part
LC_ALL=C sort -o envs/cpu.txt envs/cpu.txt.part

# The same versions but for torch and what it brings for the GPU.
folder="$(mktemp -d)"
cp pyproject.toml "$folder"
sed "s/^torch==.*/torch==$CUDA12_TORCH/" envs/cpu.txt.part | lock_with "$folder"
export_from "$folder" > envs/cuda12.txt
rm -r "$folder" envs/cpu.txt.part

for list in cuda cuda12; do LC_ALL=C sort -o "envs/$list.txt" "envs/$list.txt"; done
if grep -nE '://|@ ' envs/*.txt; then
  echo "pins: an address has found its way into the lists" >&2
  exit 1
fi
wc -l envs/cpu.txt envs/cuda.txt envs/cuda12.txt
