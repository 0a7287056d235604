# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# shellcheck shell=sh
# What packaging/run.sh and tests/run.sh share: becoming root, installing packages. Everything here
# speaks on stderr: stdout belongs to the daemon and to the tests.

BUILD_PACKAGES="gcc libc6-dev make cmake pkg-config clang llvm bpftool
                libbpf-dev libelf-dev libgcrypt20-dev libsystemd-dev libzstd-dev"

say() {
  printf '%s\n' "$*" >&2
}

# Runs a command as root: directly, or by sudo where there is one.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

require_root() {
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    say "$0: root is needed: run it as root, or install sudo"
    exit 77
  fi
}

is_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Waits for those that update the host by themselves, as Debian does after each boot.
apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive \
    ${DEB_BUILD_PROFILES:+DEB_BUILD_PROFILES="$DEB_BUILD_PROFILES"} \
    apt-get -q -o DPkg::Lock::Timeout=600 "$@" >&2
}

# Installs what is missing. Asks the package system for nothing if nothing is: the second run is fast.
install_packages() {
  missing=""
  for package in "$@"; do
    is_installed "$package" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  if ! command -v apt-get >/dev/null; then
    say "$0: apt-get is not here; please install by other means:$missing"
    exit 69
  fi
  say "Installing:$missing"
  apt_get update
  # shellcheck disable=SC2086 # a list
  apt_get install -y --no-install-recommends $missing
}

# build PRESET [CMAKE OPTIONS]
build() {
  preset=$1
  shift
  cmake --preset "$preset" "$@" >&2
  cmake --build --preset "$preset" --parallel "$(nproc)" >&2
}

# copy_tree FOLDER: the tree without what is built and without its history.
copy_tree() {
  mkdir -p "$1"
  tar --create --file=- --exclude=./build --exclude=./.git . |
    tar --extract --file=- --directory="$1"
}
