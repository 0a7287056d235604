#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
#
# packaging/run.sh [OPTIONS]: from nothing but a Debian 12 or newer to events on stdout. Installs
# what the build needs, builds, and runs the daemon in the foreground with --stdout and OPTIONS.

set -eu
cd "$(dirname "$0")/.."
. packaging/common.sh

require_root
# shellcheck disable=SC2086 # a list
install_packages $BUILD_PACKAGES
build release -DBUILD_TESTING=OFF

if [ "$(id -u)" -eq 0 ]; then
  exec build/release/execsnoopd --stdout "$@"
fi
exec sudo build/release/execsnoopd --stdout "$@"
