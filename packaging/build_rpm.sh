#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
#
# packaging/build_rpm.sh [FOLDER]: builds the RPM package of this tree into FOLDER (default:
# build/rpm). Where dpkg is the package manager, it is dpkg that knows whether the build
# dependencies are there, so rpmbuild is told not to ask its own, empty, database.

set -eu
cd "$(dirname "$0")/.."
. packaging/common.sh

output=${1:-build/rpm}
mkdir -p "$output"
output=$(cd "$output" && pwd)

# Folders of systemd and of documents, if systemd-rpm-macros and the like do not say.
define_missing() {
  [ "$(rpm --eval "%{?$1}")" != "" ] || printf '%%%s %s\n' "$1" "$2"
}
macros() {
  define_missing _unitdir /usr/lib/systemd/system
  define_missing _journalcatalogdir /usr/lib/systemd/catalog
  define_missing _sysusersdir /usr/lib/sysusers.d
  define_missing _tmpfilesdir /usr/lib/tmpfiles.d
  define_missing _pkgdocdir '%{_docdir}/%{name}'
}

nodeps=""
if command -v dpkg-query >/dev/null && is_installed dpkg; then
  nodeps=--nodeps
  # shellcheck disable=SC2086 # a list
  install_packages $BUILD_PACKAGES rpm
fi

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
version=$(sed -n 's/^Version: *//p' packaging/rpm/execsnoopd.spec)
mkdir "$temp/SOURCES"
copy_tree "$temp/execsnoopd-$version"
tar --create --gzip --file="$temp/SOURCES/execsnoopd-$version.tar.gz" --directory="$temp" \
  "execsnoopd-$version"
macros >"$temp/macros"
rpmbuild -bb $nodeps --define "_topdir $temp" --load "$temp/macros" \
  packaging/rpm/execsnoopd.spec >&2
find "$temp/RPMS" -name '*.rpm' -exec mv -t "$output" {} +
