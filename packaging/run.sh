#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
#
# packaging/run.sh [OPTIONS]: from nothing but a Debian 12 or newer to every exec on the terminal.
# Installs what the build needs, builds, and runs the daemon in the foreground with --stdout and
# OPTIONS. Without any, and where stdout is a terminal, execsnoopctl makes a table of it; else it is
# JSON Lines.

set -eu
cd "$(dirname "$0")/.."
. packaging/common.sh

require_root
# shellcheck disable=SC2086 # a list
install_packages $BUILD_PACKAGES
build release -DBUILD_TESTING=OFF

# show_table: until Ctrl-C, which is for the daemon alone: the table ends behind its last event. The
# exit code is the daemon's.
show_table() {
  exec 4>&1
  code=$(
    trap : INT
    {
      {
        trap : INT
        as_root build/release/execsnoopd --stdout 3>&- 4>&- && echo 0 >&3 || echo $? >&3
      } | (trap '' INT && exec build/release/execsnoopctl - >&4 3>&- 4>&-)
    } 3>&1
  )
  exit "$code"
}

if [ $# -eq 0 ] && [ -t 1 ]; then
  trap : INT
  show_table
fi
if [ "$(id -u)" -eq 0 ]; then
  exec build/release/execsnoopd --stdout "$@"
fi
exec sudo build/release/execsnoopd --stdout "$@"
