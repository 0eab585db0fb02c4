#!/usr/bin/env bash
# Build .venv from the pinned lists; does nothing where it is already what the lists say.
# Usage: envs/setup.sh [auto|cpu|cuda|cuda12]     (make setup DEVICE=cpu)
set -euo pipefail
cd "$(dirname "$0")/.."
. envs/uv.sh
. envs/device.sh

stamp=.venv/.lodestone
asked="${1:-auto}"
device="$(chosen_list "$asked" "$(cut -d' ' -f1 "$stamp" 2>/dev/null || true)")" || exit 2
pins="envs/$device.txt"
case "$device" in
  cpu | cuda | cuda12) ;;
  *) echo "setup: DEVICE is auto, cpu, cuda or cuda12, not '$device'" >&2; exit 2 ;;
esac

wanted="$device $(cat "$pins" pyproject.toml | sha256sum | cut -d' ' -f1)"
python=.venv/bin/python
start=$SECONDS

has_cpu_wheel() { # a folder of wheels that holds a CPU-only torch of the pinned version
  local version folder
  version="$(sed -n 's/^torch==//p' "$pins")"
  for folder in ${UV_FIND_LINKS//,/ }; do
    compgen -G "${folder#file://}/torch-$version+cpu-*.whl" >/dev/null && return 0
  done
  return 1
}

with_uv() {
  local uv="$1" interpreter backend=()
  interpreter="$(command -v python3.11 || echo 3.11)" # else one that uv manages
  [ -x "$python" ] || "$uv" venv --quiet --python "$interpreter" .venv
  if [ "$device" = cpu ] && ! has_cpu_wheel; then backend=(--torch-backend=cpu); fi
  # compiled now, as pip does: every job starts a Python, which need not be allowed to write bytecode
  if ! "$uv" pip sync --quiet --compile-bytecode --python "$python" "${backend[@]}" "$pins"; then
    [ ${#backend[@]} -gt 0 ] || return 1
    echo "setup: no CPU-only torch to be had; taking the CUDA one, which runs on a CPU too" >&2
    "$uv" pip sync --quiet --compile-bytecode --python "$python" envs/cuda.txt
  fi
  "$uv" pip install --quiet --python "$python" --no-deps --no-build-isolation --editable .
}

with_pip() {
  local interpreter list="$pins"
  interpreter="$(command -v python3.11)" || { echo "setup: neither uv nor python3.11 was found" >&2; return 1; }
  [ -x "$python" ] || "$interpreter" -m venv .venv
  if [ "$device" = cpu ] && ! has_cpu_wheel; then list=envs/cuda.txt; fi
  "$python" -m pip install --quiet --no-deps --requirement "$list"
  "$python" -m pip install --quiet --no-deps --no-build-isolation --editable .
}

if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
  echo "setup: building .venv for $device from $pins" >&2
  rm -f "$stamp"
  adopt_pip_settings
  if uv="$(find_uv)"; then with_uv "$uv"; else with_pip; fi
  "$python" -m compileall -q src
  echo "$wanted" > "$stamp"
  echo "setup: .venv is ready after $((SECONDS - start)) s" >&2
fi

# GRACE's licence lets nobody ship its code: the installed package builds the model from this repository's weights.
if [ -f src/lodestone/embedded/grace/weights.npz ]; then
  "$python" -m lodestone.energies.estimators.grace build >/dev/null
fi
