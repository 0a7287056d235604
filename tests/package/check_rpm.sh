#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# check_rpm.sh SOURCE: the RPM package builds, from the same version as everything else; rpmlint
# finds no error in it; and it has what the Debian package has, where systemd looks for it.
set -eu
for tool in rpmbuild rpmlint; do
  command -v "$tool" >/dev/null || {
    echo "$tool is not here"
    exit 77
  }
done
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

"$1/packaging/build_rpm.sh" "$temp" >"$temp/log" 2>&1 || { cat "$temp/log" && exit 1; }
package=$(find "$temp" -name 'execsnoopd-[0-9]*.rpm')
rpmlint --config "$1/packaging/rpm/rpmlint.toml" "$1/packaging/rpm/execsnoopd.spec" "$package"

version=$(sed -n 's/^project(execsnoopd VERSION \([0-9.]*\) .*/\1/p' "$1/CMakeLists.txt")
test "$(rpm --query --package --queryformat '%{VERSION}' "$package")" = "$version"
rpm --query --package --list "$package" >"$temp/files"
for file in /etc/execsnoopd.conf /etc/execsnoopd.conf.d /usr/sbin/execsnoopd \
  /usr/lib/systemd/system/execsnoopd.service /usr/lib/systemd/catalog/execsnoopd.catalog \
  /usr/lib/sysusers.d/execsnoopd.conf /usr/lib/tmpfiles.d/execsnoopd.conf \
  /usr/libexec/execsnoopd/update-service /usr/share/execsnoopd/event.schema.json \
  /usr/share/execsnoopd/sigma/execsnoopd-native.yml \
  /usr/share/man/man8/execsnoopd.8; do
  grep -qxE "$file(\.gz)?" "$temp/files" || {
    echo "$file is not in the package"
    exit 1
  }
done
test "$(rpm --query --package --configfiles "$package")" = /etc/execsnoopd.conf
