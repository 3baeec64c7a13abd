# Where the scripts in tools/ keep things and how they speak; sourced, never run.
# shellcheck shell=bash disable=SC2034

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rules_img
bazel_root=${BAZEL_DEBIAN_ROOT:-/opt/bazel-debian}

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

# fail WHAT [REMEDY]: says both and ends the script.
fail() {
  say "error: $1"
  [ $# -lt 2 ] || printf '  hint: %s\n' "$2" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

is_debian_root() { [ "$(id -u)" = 0 ] && have apt-get && [ -e /etc/debian_version ]; }

# Prints the Bazel to use, or returns 1 where there is none that runs.
find_bazel() {
  local candidate
  for candidate in "${BAZEL:-}" bazel bazelisk; do
    if [ -n "$candidate" ] && have "$candidate" && timeout 300 "$candidate" --version >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# install_debian_packages PACKAGE…: installs them without starting the services that some of them bring.
install_debian_packages() {
  local policy=/usr/sbin/policy-rc.d status=0
  if [ -e "$policy" ]; then
    policy=
  else
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  {
    apt-get update -q &&
      DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
  } >&2 || status=$?
  [ -z "$policy" ] || rm -f "$policy"
  return "$status"
}
