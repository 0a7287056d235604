#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# check_tidy.sh SOURCE BUILD CLANG_TIDY: no finding of .clang-tidy in core, ctl and daemon. The checks differ
# between versions of the tool; the one of Debian 12 decides.
set -eu
cd "$1"
case $("$3" --version 2>/dev/null) in
*"version 14."*) ;;
*)
  echo "clang-tidy 14 is not here"
  exit 77
  ;;
esac
find core ctl daemon -name '*.c' | xargs -P "$(nproc)" -n 8 "$3" -p "$2" --quiet
