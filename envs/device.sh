# shellcheck shell=bash
# Which pinned list fits the GPU of this machine; sourced by setup.sh.
#
# cuda.txt    CUDA 13: drivers from 580 on, cards from Turing on (compute capability 7.5)
# cuda12.txt  CUDA 12.8, an older torch: drivers from 525 on (minor version compatibility), Volta (7.0) too

# Print the version of NVIDIA's driver; fails where there is none.
driver_version() {
  local found
  found="$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)" || found=""
  if [[ ! "$found" =~ ^[0-9] ]]; then
    found="$(sed -n 's/^NVRM version:.* \([0-9][0-9]*\.[0-9.]*\) .*/\1/p' \
      "${NVIDIA_VERSION_FILE:-/proc/driver/nvidia/version}" 2>/dev/null)" || found=""
  fi
  [ -n "$found" ] && echo "$found"
}

# Print the compute capability of the oldest card, nothing where it is not told.
oldest_card() {
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | grep -E '^[0-9]+\.[0-9]+$' | sort -V | head -n 1 || true
}

# Print cuda or cuda12 for a driver (535.104.05) and the capability of the oldest card (7.0; may be empty).
# Fails, with the reason, where neither fits.
list_for() {
  local driver="$1" card="${2:-}" major capability
  major="${driver%%.*}"
  capability="${card/./}"
  if ((major < 525)); then
    echo "setup: NVIDIA's driver $driver is too old for any pinned list: CUDA 12 needs 525 or newer, CUDA 13 needs 580" >&2
    return 1
  fi
  if [ -n "$capability" ] && ((capability < 70)); then
    echo "setup: a card of compute capability $card is too old for any pinned list: CUDA 12 needs 7.0, CUDA 13 needs 7.5" >&2
    return 1
  fi
  if ((major < 580)) || { [ -n "$capability" ] && ((capability < 75)); }; then echo cuda12; else echo cuda; fi
}

# Print the list that is wanted: auto, cuda, cuda12 or cpu, and what was chosen before (may be empty).
chosen_list() {
  local wanted="$1" before="${2:-}" driver
  case "$wanted" in
    auto)
      if [ -n "$before" ]; then echo "$before"; return; fi # what was once chosen stays
      if ! driver="$(driver_version)"; then echo cpu; return; fi
      list_for "$driver" "$(oldest_card)" && return
      echo "setup: so the environment is made for the CPU; after an update of the driver: make setup DEVICE=cuda" >&2
      echo cpu
      ;;
    cuda)
      if driver="$(driver_version)"; then list_for "$driver" "$(oldest_card)"; return; fi
      if [[ "$before" == cuda* ]]; then echo "$before"; return; fi
      echo "setup: no NVIDIA driver on this machine, as on a login node: taking CUDA 13, for drivers from 580 on;" \
        "for older ones on the nodes, and for V100: make setup DEVICE=cuda12" >&2
      echo cuda
      ;;
    *) echo "$wanted" ;;
  esac
}
