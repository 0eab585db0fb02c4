#!/usr/bin/env bash
# Refresh the pinned lists after a change of pyproject.toml: resolve, export, split. Usage: make pins
set -euo pipefail
cd "$(dirname "$0")/.."
. envs/uv.sh
uv="$(find_uv)" || { echo "pins: uv is needed and could not be installed" >&2; exit 1; }

# A wheel folder of this machine must not find its way into the lists.
unset UV_FIND_LINKS PIP_FIND_LINKS
export UV_FORK_STRATEGY=fewest # one version of a package, not one for each patch of Python

# uv keeps the versions of uv.lock, which is not in git: in a fresh clone it is made from the lists as committed,
# so that a new package moves no other.
seed_lock() {
  local folder made=1
  folder="$(mktemp -d)"
  git show HEAD:pyproject.toml > "$folder/pyproject.toml"
  {
    echo '[tool.uv]'
    git show HEAD:envs/cuda.txt | sed 's/.*/  "&",/; 1i constraint-dependencies = [' && echo ']'
  } >> "$folder/pyproject.toml"
  if "$uv" lock --quiet --python 3.11 --project "$folder"; then cp "$folder/uv.lock" uv.lock && made=0; fi
  rm -r "$folder"
  return $made
}
if [ ! -f uv.lock ] && [ -z "${UPGRADE:-}" ]; then
  seed_lock || echo "pins: the lists do not fit pyproject.toml; every version is taken anew" >&2
fi
"$uv" lock --quiet --python 3.11 ${UPGRADE:+--upgrade}
"$uv" export --quiet --frozen --no-hashes --no-emit-project --all-groups --no-annotate --no-header > envs/cuda.txt

# What only a GPU needs. nvidia-ml-py3 is a pure Python dependency of chgnet and stays.
grep -vE '^(nvidia-|cuda-|triton)' envs/cuda.txt > envs/cpu.txt.part
grep -E '^nvidia-ml-py3==' envs/cuda.txt >> envs/cpu.txt.part
LC_ALL=C sort -o envs/cpu.txt envs/cpu.txt.part
rm envs/cpu.txt.part
LC_ALL=C sort -o envs/cuda.txt envs/cuda.txt
if grep -nE '://|@ ' envs/cpu.txt envs/cuda.txt; then
  echo "pins: an address has found its way into the lists" >&2
  exit 1
fi
wc -l envs/cpu.txt envs/cuda.txt
