#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# check_reproducible.sh SOURCE: two builds from two folders in two others give the same bytes.
set -eu
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

for n in 1 2; do
  mkdir "$temp/$n-source"
  (cd "$1" && tar -cf - --exclude=./build --exclude=./.git .) | tar -C "$temp/$n-source" -xf -
  cmake -S "$temp/$n-source" -B "$temp/$n-binary" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DBUILD_TESTING=OFF >"$temp/$n.log"
  cmake --build "$temp/$n-binary" --parallel 2 >>"$temp/$n.log"
done
for file in execsnoopd execsnoop.bpf.o libexecsnoop_core.a systemd/execsnoopd.service; do
  cmp "$temp/1-binary/$file" "$temp/2-binary/$file"
done
