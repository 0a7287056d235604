#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# check_man.sh SOURCE: neither man(1) nor mandoc(1) finds anything wrong with the manual pages; what
# they refer to among each other is there.
set -eu
cd "$1/packaging/man"
for tool in man mandoc; do
  command -v "$tool" >/dev/null || {
    echo "$tool is not here"
    exit 77
  }
done
status=0
for page in *.[1-8]; do
  warnings=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null)
  [ -z "$warnings" ] || {
    echo "$page: $warnings"
    status=1
  }
  # Lines as long as everywhere in this tree: no STYLE.
  mandoc -Tlint -Wwarning "$page" || status=1
  others=$(sed -n 's/\\-/-/g; s/^\.BR \(execsnoopd[a-z.-]*\) (\([1-8]\)).*/\1.\2/p' "$page")
  for other in $others; do
    [ -e "$other" ] || {
      echo "$page refers to $other"
      status=1
    }
  done
done
exit "$status"
