#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
#
# packaging/build_deb.sh [FOLDER]: builds the Debian package of this tree into FOLDER (default:
# build/deb), on Debian 12 or newer; installs the build dependencies that are missing.
#
# The same tree gives the same bytes wherever it is: SOURCE_DATE_EPOCH is the date in the changelog,
# unless it is set. DEB_BUILD_OPTIONS and DEB_BUILD_PROFILES are passed on; "nocheck" in both skips
# the tests.

set -eu
cd "$(dirname "$0")/.."
. packaging/common.sh

output=${1:-build/deb}
mkdir -p "$output"
output=$(cd "$output" && pwd)

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
copy_tree "$temp/execsnoopd"
cp -R "$temp/execsnoopd/packaging/debian" "$temp/execsnoopd/debian"
cd "$temp/execsnoopd"

is_installed dpkg-dev || { require_root && install_packages dpkg-dev; }
if ! dpkg-checkbuilddeps 2>/dev/null; then
  require_root
  say "Installing build dependencies"
  apt_get update
  apt_get build-dep -y --no-install-recommends "$temp/execsnoopd"
fi
dpkg-buildpackage --no-sign --build=binary >&2
find "$temp" -maxdepth 1 -type f -exec mv -t "$output" {} +
