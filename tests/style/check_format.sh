#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# check_format.sh SOURCE CLANG_FORMAT: all C is formatted by .clang-format. Versions of the tool
# differ in details; the one of Debian 12 decides.
set -eu
cd "$1"
case $("$2" --version 2>/dev/null) in
*"version 14."*) ;;
*)
  echo "clang-format 14 is not here"
  exit 77
  ;;
esac
find bpf core ctl daemon tests -name '*.[ch]' -print0 | xargs -0 "$2" --dry-run -Werror
