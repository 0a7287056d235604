#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# check_deb_reproducible.sh SOURCE BUILD: the Debian packages are the same bytes, whatever the folder, the
# time of day, the umask, the language and the time zone they are built in, and whether or not their
# tests are run on the way.
set -eu
if ! command -v dpkg-buildpackage dh >/dev/null; then
  echo "debhelper is not here"
  exit 77
fi
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

# Without its tests, for all that need it.
first=$(python3 -B -c 'import pathlib, sys
sys.path.insert(0, sys.argv[1])
import image
print(image.package(pathlib.Path(sys.argv[2])).parent)' "$1/tests/vm" "$2")
umask 002
export TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 HOME="$temp"
mkdir "$temp/other"
TMPDIR="$temp/other" "$1/packaging/build_deb.sh" "$temp/second" >"$temp/log" 2>&1 ||
  { cat "$temp/log" && exit 1; }

cd "$first"
for file in *.deb; do
  sha256sum "$file"
  cmp "$file" "$temp/second/$file"
done
