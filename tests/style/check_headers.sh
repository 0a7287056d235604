#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# check_headers.sh SOURCE CC: every header that user space includes compiles on its own.
set -eu
cd "$1"
status=0
for header in $(find core ctl daemon -name '*.h') bpf/exec_control.h bpf/exec_record.h; do
  echo "#include \"$header\"" |
    "$2" -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-function \
      -I. -Icore -Idaemon -Ictl -Ibpf -fsyntax-only -x c - || {
    echo "$header is not self-contained"
    status=1
  }
done
exit "$status"
