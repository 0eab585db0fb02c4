# shellcheck shell=bash
# Where the installer and its wheels come from; sourced by setup.sh and pins.sh.

export PIP_DISABLE_PIP_VERSION_CHECK=1 # its advice is not about this project

# Print the path of a uv: the one on PATH, or one in a small environment of its own (.uv/). Fails if neither works.
find_uv() {
  if command -v uv; then return 0; fi
  if [ -x .uv/bin/uv ]; then echo .uv/bin/uv; return 0; fi
  local python
  python="$(command -v python3.11 || command -v python3)" || return 1
  {
    if "$python" -m venv .uv; then
      .uv/bin/python -m pip install --quiet -r envs/uv.txt
    else # Debian's python3 without python3-venv
      rm -rf .uv && "$python" -m pip install --quiet --target .uv -r envs/uv.txt
    fi
  } >&2 || { rm -rf .uv; return 1; }
  [ -x .uv/bin/uv ] && echo .uv/bin/uv
}

# Print one setting of pip (find-links, index-url, ...) from its environment variable or its configuration.
pip_setting() {
  local variable="PIP_${1^^}"
  variable="${variable//-/_}"
  if [ -n "${!variable:-}" ]; then echo "${!variable}"; return 0; fi
  python3 -m pip config get "global.$1" 2>/dev/null || true
}

# uv reads none of pip's settings: hand over the ones that say where packages are.
adopt_pip_settings() {
  local links index
  links="$(pip_setting find-links | tr -s ' \n' ',' | sed 's/^,//; s/,$//')"
  index="$(pip_setting index-url)"
  if [ -z "${UV_FIND_LINKS:-}" ] && [ -n "$links" ]; then export UV_FIND_LINKS="$links"; fi
  if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] && [ -n "$index" ]; then export UV_DEFAULT_INDEX="$index"; fi
  if [ -z "${SSL_CERT_FILE:-}" ] && [ -n "$(pip_setting cert)" ]; then SSL_CERT_FILE="$(pip_setting cert)"; export SSL_CERT_FILE; fi
}
